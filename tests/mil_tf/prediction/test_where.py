"""Where a model looked, drawn back on scans as they came: one head and one bleed, in files of every kind."""

import csv
import json
import shutil

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mil_tf import predict
from mil_tf.prediction import sheet


def turned(*angles):
    return Rotation.from_euler("xyz", angles, degrees=True).as_matrix()


LPS = np.diag([-1.0, -1, 1])
GANTRY = np.array([[1, 0, 0], [0, 1, np.tan(np.radians(20))], [0, 0, 1]])  # slices stay axial, each moved to the back
SCANS = {
    "gantry": (GANTRY @ LPS @ np.diag([2.4, 2.9, 5.0]), (64, 64, 28)),
    "oblique": (turned(14, -9, 12) @ LPS @ np.diag([2.6, 3.1, 5.5]), (64, 64, 28)),
    "flipped": (np.diag([2.7, 2.7, -4.5]), (64, 64, 32)),
    "sheared and downwards": (GANTRY @ turned(-8, 6, 5) @ np.diag([2.5, -2.9, -6.0]), (64, 64, 26)),
    "padded": (LPS @ np.diag([2.9, 3.2, 5.0]), (52, 57, 30)),
    "cropped": (turned(0, 0, 9) @ LPS @ np.diag([2.2, 2.4, 5.0]), (87, 92, 30)),
    "stored by columns": ((LPS @ np.diag([2.5, 3.0, 5.0]))[:, [1, 2, 0]], (64, 28, 70)),
}


@pytest.fixture(scope="module")
def answers(model, head, tmp_path_factory):
    """The folder of the answers to all SCANS, which lie in `scans` in it; without sheets, which take long."""
    out = tmp_path_factory.mktemp("answers")
    (out / "scans").mkdir()
    for name, (axes, shape) in SCANS.items():
        hu, _, affine = head(axes, shape)
        nib.save(nib.Nifti1Image(hu, affine), out / "scans" / f"{name}.nii.gz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sheet, "write_sheet", lambda path, answer: None)
        assert predict.main([str(out / "scans"), "--model", str(model), "--out", str(out)]) == 0
    return out


def told(answers, name):
    return json.loads((answers / f"{name}.json").read_text())


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", SCANS)
def test_the_peak_of_the_heat_map_lies_in_the_bleed_of_the_file(answers, head, name):
    _, mask, _ = head(*SCANS[name])
    scan, heat = (nib.load(answers / file) for file in (f"scans/{name}.nii.gz", f"{name}_heat.nii.gz"))
    assert heat.shape == scan.shape and heat.get_data_dtype() == np.float32
    np.testing.assert_array_equal(heat.affine, scan.affine)
    found = heat.get_fdata()
    assert mask[np.unravel_index(found.argmax(), found.shape)]
    # Of max pooling the highest position is the answer; a voxel's centre may lie beside it.
    assert 0 <= found.min() < 0.1 < 0.5 < found.max() <= told(answers, name)["probability"] * (1 + 1e-6)
    assert found[mask].mean() > 5 * found[~mask].mean()


@pytest.mark.parametrize("name", SCANS)
def test_points_are_in_the_bleed_by_voxel_and_by_millimetre(answers, head, in_bleed, name):
    _, mask, affine = head(*SCANS[name])
    found = told(answers, name)
    points = found["points"]
    assert len(points) >= 2 and len({point["source_index"] for point in points}) == len(points)  # one a slice
    for point in points:
        assert mask[tuple(point["voxel"])] and in_bleed(point["mm"])
        np.testing.assert_allclose((affine @ [*point["voxel"], 1])[:3], point["mm"], atol=1e-2)
        shown = found["slices"][point["source_index"]]
        assert point["scan_slice"] == shown["scan_slice"] and point["slice_probability"] == shown["probability"]
        # Of max pooling the highest position is the slice's logit; a pixel's centre may lie beside it.
        assert 0 < point["value"] <= np.log(shown["probability"] / (1 - shown["probability"])) + 1e-4
    row, = [row for row in table(answers / "predictions.csv") if row["id"] == name]
    assert row["points"] == str(len(points))


def test_a_models_heat_map_does_not_outlive_its_scan(model, scan, tmp_path, capsys):
    copy = shutil.copy(scan, tmp_path / "a.nii.gz")
    given = [str(copy), "--model", str(model), "--out", str(tmp_path / "out")]
    assert predict.main([*given, "--maps"]) == 0
    names = {"a.json", "a.csv", "a.png", "a_heat.nii.gz", "a_probability.nii.gz", "predictions.csv", "rejected.csv"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    for name in ("a.json", "a.csv", "a.png", "predictions.csv", "rejected.csv"):
        (tmp_path / "out" / name).unlink()
    assert predict.main(given) == 2 and "--force" in capsys.readouterr().err
    copy.write_bytes(b"")
    assert predict.main([*given, "--force"]) == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"predictions.csv", "rejected.csv"}
