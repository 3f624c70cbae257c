import os

import pytest

from preprocessing import remote
from preprocessing.dicom.files import Place
from preprocessing.dicom.series import Series
from preprocessing.inputs import Scan
from preprocessing.product import Outputs, make
from preprocessing.settings import CtSettings


def scan_of(path, mask=None):
    return Scan("a", path, 1, "a", {}, mask, None, False)


@pytest.fixture
def series(tmp_path):
    (tmp_path / "x.zip").touch()
    places = (Place("x.zip", "1"), Place("x.zip", "2"))
    return Series("a", "a", "1", "2", places, (0.0, 5.0), 1, "", (8, 8), "", "")


def test_a_fit_machine_makes_what_this_one_makes(save):
    scan, settings = scan_of(str(save("a.nii.gz"))), CtSettings(size=8)
    [here], [there] = make(scan, settings, Outputs()).bags, remote.make(scan, settings, Outputs(), remote.versions()).bags
    assert here.instances.tobytes() == there.instances.tobytes()


@pytest.mark.parametrize("name", ["mil-tf", "algorithm", "numpy", "SimpleITK"])
def test_another_version_of_what_makes_bags_is_unfit(save, name):
    wanted = remote.versions() | {name: "another"}
    with pytest.raises(remote.UnfitError, match=f"has {name} .*, the job's machine another; install the same"):
        remote.make(scan_of(str(save("a.nii.gz"))), CtSettings(size=8), Outputs(), wanted)


def test_a_scan_series_or_mask_that_is_not_seen_is_unfit(save, series, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = str(save("a.nii.gz"))
    for scan, missing in (
        (scan_of(seen), None), (scan_of(series), None), (scan_of("gone.nii"), "gone.nii"),
        (scan_of(seen, mask="gone.nii"), "gone.nii"),
    ):
        reason = remote.unfit(scan, CtSettings(), remote.versions())
        assert reason.startswith(f"does not see {missing};") if missing else reason == ""


def test_without_bet2_a_machine_is_unfit_for_it_alone(save, monkeypatch):
    monkeypatch.setenv("PATH", "")
    scan = scan_of(str(save("a.nii.gz")))
    assert "no bet2" in remote.unfit(scan, CtSettings(brain="ct-bet"), remote.versions())
    assert remote.unfit(scan, CtSettings(brain="native"), remote.versions()) == ""


def test_all_paths_become_absolute_and_nothing_else_changes(series, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    there = remote.absolute(scan_of(series, mask="m.nii"))
    assert {place.path for place in there.path.places} == {os.path.abspath("x.zip")}
    assert [place.member for place in there.path.places] == ["1", "2"]
    assert there.mask == os.path.abspath("m.nii")
    assert there._replace(path=series, mask="m.nii") == scan_of(series, mask="m.nii")
    assert remote.absolute(scan_of("a.nii")) == scan_of(os.path.abspath("a.nii"))
