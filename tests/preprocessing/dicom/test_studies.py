import shutil
import zipfile

import pytest

from preprocessing.dicom.studies import choose, find, kernel_kind

from .conftest import CORONAL


def told(folder):
    series, unreadable = find(folder)
    assert not unreadable
    return {each.id: each for each in series}


def archive(folder, path):
    with zipfile.ZipFile(path, "w") as made:
        for each in folder.rglob("*"):
            made.write(each, each.relative_to(folder.parent))


def test_a_series_is_named_by_the_folder_that_holds_it(write_series, tmp_path):
    write_series("cohort/one/study/ct", study="1.1", series="1.1.1", name="IM{:03}")
    write_series("cohort/two", study="1.2", series="1.2.1", SeriesNumber=7, PatientID="Bob")
    found = told(tmp_path / "cohort")
    assert sorted(found) == ["one", "two"]
    assert found["two"].number == 7 and len(found["two"].places) == 6
    assert found["two"].spacing == 5.0 and found["two"].length == 25.0
    assert sorted(told(tmp_path / "cohort/two")) == ["two"]


def test_several_series_of_a_study_carry_their_numbers(write_series, tmp_path):
    write_series("a/thick", series="1.2.1", SeriesNumber=2)
    write_series("a/thin", series="1.2.2", SeriesNumber=3, count=12, step=2.5)
    assert sorted(told(tmp_path)) == ["a/2", "a/3"]


def test_a_series_without_a_number_carries_its_uid(write_series, tmp_path):
    write_series("a/thick", series="1.2.1", SeriesNumber=2)
    write_series("a/thin", series="1.2.2", SeriesNumber=None, count=12, step=2.5)
    assert sorted(told(tmp_path)) == ["a/1.2.2", "a/2"]


def test_an_archive_is_like_a_folder(write_series, tmp_path):
    folder = write_series("made/inside", count=4)
    (tmp_path / "cohort").mkdir()
    archive(folder, tmp_path / "cohort/scan1.zip")
    shutil.copy(tmp_path / "cohort/scan1.zip", tmp_path / "cohort/scan2.zip")
    found = told(tmp_path / "cohort")
    # The same study in both archives: no archive holds it alone, and each slice counts once.
    assert [len(each.places) for each in found.values()] == [4]
    (tmp_path / "cohort/scan2.zip").unlink()
    assert sorted(told(tmp_path / "cohort")) == ["scan1"]
    assert sorted(told(tmp_path / "cohort/scan1.zip")) == ["scan1"]


def test_equal_names_in_different_folders_are_told_apart(write_series, tmp_path):
    for site in "ab":
        write_series(f"{site}/x/ct", study=f"1.{ord(site)}.1", series=f"1.{ord(site)}.2")
        write_series(f"{site}/y/ct", study=f"1.{ord(site)}.3", series=f"1.{ord(site)}.4")
    assert sorted(told(tmp_path)) == ["a/x", "a/y", "b/x", "b/y"]


def test_slices_of_many_series_in_one_folder_are_sorted_out(write_series, tmp_path):
    """As the RSNA challenge has them: one folder, a file a slice, no series numbers."""
    for study in (1, 2):
        write_series(
            "train", count=5, study=f"9.{study}", series=f"9.{study}.1", name=f"ID_{study}" + "{:02}.dcm",
            SeriesNumber=None, ImageType=None, PatientID=f"p{study}",
        )
    found = told(tmp_path / "train")
    assert sorted(found) == ["train/9.1.1", "train/9.2.1"]
    assert len({each.patient for each in found.values()}) == 2


@pytest.mark.parametrize(
    "tags, reason",
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "a localizer"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "a secondary capture"),
        ({"Modality": "MR"}, "modality MR, not CT"),
        ({"orientation": CORONAL, "up": (0, 1, 0)}, "not axial"),
        ({"ImagePositionPatient": None}, "without position or orientation"),
        ({"orientation": (1, 0, 0, 1, 0, 0)}, "its orientation is no pair of perpendicular directions"),
        ({"count": 2}, "2 slices, at least 3 make a volume"),
    ],
)
def test_what_is_no_head_ct_is_told_with_its_reason(write_series, tmp_path, tags, reason):
    write_series("a", **tags)
    taken, others = choose(find(tmp_path / "a")[0])
    assert not taken and [each[2] for each in others] == [reason]


def test_a_localizer_of_the_same_series_is_apart(write_series, tmp_path):
    write_series("a")
    write_series("a", name="scout{}", orientation=CORONAL, count=1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    taken, others = choose(find(tmp_path)[0])
    assert [(each.id, len(each.places)) for each in taken] == [("a", 6)]
    assert [each[2] for each in others] == ["a localizer"]


def test_the_thinnest_whole_soft_tissue_series_is_chosen(write_series, tmp_path):
    write_series("a/1", series="1.1", SeriesNumber=1, count=6, step=5.0, ConvolutionKernel="STANDARD")
    write_series("a/2", series="1.2", SeriesNumber=2, count=11, step=2.5, ConvolutionKernel="H31s")
    write_series("a/3", series="1.3", SeriesNumber=3, count=21, step=1.25, ConvolutionKernel="BONEPLUS")
    write_series("a/4", series="1.4", SeriesNumber=4, count=6, step=1.0, ConvolutionKernel="STANDARD")  # a part
    series, _ = find(tmp_path)
    taken, others = choose(series)
    assert [each.id for each in taken] == ["a/2"]
    assert sorted(each[0] for each in others) == ["a/1", "a/3", "a/4"]
    assert all("not chosen: series" in each[2] and "series 2, 11 slices 2.50 mm apart" in each[2] for each in others)
    assert [each.id for each in choose(series, "3")[0]] == ["a/3"]
    assert [each.id for each in choose(series, "1,4")[0]] == ["a/1", "a/4"]
    assert len(choose(series, "all")[0]) == 4


@pytest.mark.parametrize(
    "name, kind",
    [
        ("STANDARD", "soft"), ("STD+", "soft"), ("SOFT", "soft"), ("BONE", "sharp"), ("BONEPLUS", "sharp"),
        ("LUNG", "sharp"), ("EDGE", "sharp"), ("H31s", "soft"), ("H60s", "sharp"), ("J30s", "soft"), ("Hr38f", "soft"),
        ("Hr59", "sharp"), ("['Hr40f', '3']", "soft"), ("UB", "soft"), ("C", "soft"), ("D", "sharp"), ("YC", "sharp"),
        ("FC21", "soft"), ("FC26", "soft"), ("FC64", "soft"), ("FC30", "sharp"), ("FC81", "sharp"), ("", "unknown"),
        ("XYZ", "unknown"),
    ],
)
def test_kernels_are_known_by_their_vendors_names(name, kind):
    assert kernel_kind(name) == kind


def test_what_cannot_be_read_is_told(write_series, tmp_path):
    write_series("a")
    whole = (tmp_path / "a/00.dcm").read_bytes()
    (tmp_path / "a/broken").write_bytes(whole[:200])
    (tmp_path / "a/note.txt").write_text("not DICOM")
    (tmp_path / "a/bad.zip").write_bytes(b"PK\x03\x04 no archive")
    series, unreadable = find(tmp_path)
    assert [len(each.places) for each in series if not each.reason] == [6]
    assert ("bad.zip", str(tmp_path / "a/bad.zip"), "unreadable archive: File is not a zip file") in unreadable


def test_a_slice_that_is_there_twice_counts_once(write_series, tmp_path):
    write_series("a")
    shutil.copy(tmp_path / "a/03.dcm", tmp_path / "a/copy")
    assert len(told(tmp_path)["a"].places) == 6


def test_no_name_of_a_person_is_kept(write_series, tmp_path):
    series = told(write_series("a").parent)["a"]
    assert "Jane" not in repr(series) and "Doe" not in repr(series) and series.patient.startswith("p")
