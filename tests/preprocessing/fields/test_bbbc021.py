"""Tables in BBBC021's form, genuine and made up."""

from pathlib import Path

import pytest

from preprocessing.errors import UsageError
from preprocessing.fields import bbbc021
from preprocessing.labels import read_columns, read_table

GENUINE = Path(__file__).parents[3].parent / "shared/data/label_formats"
needs = pytest.mark.skipif(not GENUINE.is_dir(), reason=f"the genuine label files are not there: {GENUINE}")


@needs
def test_the_genuine_mechanisms_whatever_their_line_ends():
    found = bbbc021.read_mechanisms(GENUINE / "BBBC021_v1_moa.csv")
    assert found == bbbc021.read_mechanisms(GENUINE / "BBBC021_v1_moa.CR_line_endings.csv")
    assert len(found) == 104 and found["DMSO", 0] == "DMSO"
    assert len({moa for moa in found.values() if moa != "DMSO"}) == 12
    assert found["PP-2", 3] == "Epithelial"


@needs
def test_the_genuine_image_table():
    path = GENUINE / "BBBC021_v1_image.head.csv"
    assert bbbc021.channels(read_columns(path)) == ["DAPI", "Tubulin", "Actin"]
    mechanisms = {("5-fluorouracil", 10.0): "DNA replication"}
    rows = list(bbbc021.rows(read_table(path), ["Actin", "DAPI"], mechanisms))
    assert len(rows) == 199 and len({row.id for row in rows}) == 199
    taken = [row for row in rows if not row.reason]
    assert len(taken) == 12 and {row.meta["replicate"] for row in taken} == {"1", "2", "3"}
    assert {row.reason for row in rows} == {"", "excluded: its treatment has no known mechanism of action"}
    first = taken[0]
    assert first.id == "Week4_27481_G03_s1" and first.patient == "Week4_27481_G03" and first.classes == ("DNA replication",)
    assert first.files[0].startswith("Week4/Week4_27481/G03_s1_w4") and first.files[1].startswith("Week4/Week4_27481/G03_s1_w1")
    assert first.meta == {
        "plate": "Week4_27481", "well": "G03", "site": "1", "replicate": "1", "batch": "Week4", "compound": "5-fluorouracil",
        "concentration": "10", "treatment": "5-fluorouracil 10",
    }


def row(**given):
    return {
        "Image_FileName_DAPI": "Week1_150607_B02_s3_w1A.tif", "Image_PathName_DAPI": "Week1/Week1_22123",
        "Image_Metadata_Plate_DAPI": "Week1_22123", "Image_Metadata_Well_DAPI": "B02", "Replicate": "1.0",
        "Image_Metadata_Compound": "taxol", "Image_Metadata_Concentration": "0.300000", **given,
    }


def one(given, controls=False):
    (found,) = bbbc021.rows([(2, given)], ["DAPI"], {("taxol", 0.3): "Microtubule stabilizers", ("DMSO", 0.0): "DMSO"}, controls)
    return found


def test_concentrations_are_compared_as_numbers_and_compounds_as_they_are():
    found = one(row())
    assert found.id == "Week1_22123_B02_s3" and found.classes == ("Microtubule stabilizers",) and not found.reason
    assert (found.meta["treatment"], found.meta["replicate"]) == ("taxol 0.3", "1")
    assert "no known mechanism" in one(row(Image_Metadata_Compound="Taxol")).reason


def test_controls_are_left_out_unless_wanted():
    control = row(Image_Metadata_Compound="DMSO", Image_Metadata_Concentration="0")
    assert one(control).reason == "excluded: a control, and --controls is not given"
    assert one(control, controls=True).classes == ("DMSO",) and not one(control, controls=True).reason


@pytest.mark.parametrize("given, reason", [
    ({"Image_FileName_DAPI": ""}, "no file of channel DAPI (line 2)"),
    ({"Image_FileName_DAPI": "B02.tif"}, "the file's name tells no site, as _s1_ would: 'B02.tif' (line 2)"),
    ({"Image_Metadata_Well_DAPI": ""}, "the plate or the well is empty (line 2)"),
    ({"Image_Metadata_Concentration": "high"}, "concentration must be a number, is 'high' (line 2)"),
    ({"Image_Metadata_Concentration": "nan"}, "concentration must be a number, is 'nan' (line 2)"),
])
def test_a_row_that_is_no_field_says_why(given, reason):
    assert one(row(**given)).reason == reason


def test_a_table_without_folders_names_files_alone():
    given = row()
    del given["Image_PathName_DAPI"]
    assert one(given).files == ("Week1_150607_B02_s3_w1A.tif",)


@pytest.mark.parametrize("text, message", [
    ("compound,moa\ntaxol,a\n", "Expected columns compound,concentration,moa"), ("compound,concentration,moa\n", "which has none"),
    ("compound,concentration,moa\ntaxol,x,a\n", "line 2: Expected a concentration and a mechanism"),
    ("compound,concentration,moa\ntaxol,1,a\ntaxol,1.0,b\n", "line 3: Expected one mechanism a treatment"),
])
def test_mechanisms_that_cannot_be_are_refused(tmp_path, text, message):
    (tmp_path / "moa.csv").write_text(text)
    with pytest.raises(UsageError, match=message):
        bbbc021.read_mechanisms(tmp_path / "moa.csv")
