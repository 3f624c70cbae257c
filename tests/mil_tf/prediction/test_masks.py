"""`python -m mil_tf.predict` with a segmenter: masks on the scan's own voxels, volumes, and what is refused."""

import csv
import json

import keras
import nibabel as nib
import numpy as np
import pytest

from mil_tf import predict
from mil_tf.export import KEPT, export
from mil_tf.models.unet_export import ExportedSegmenter
from mil_tf.prediction.mask_answer import volumes
from mil_tf.prediction.mask_model import MaskModel, is_of_masks
from mil_tf.prediction.model import ModelError
from preprocessing.ct import CtSettings

CLASSES = ["epidural", "subdural"]
AXES = {"as it lies": np.diag([4.0, 4.0, 5.0]), "turned": np.array([[0, 0, -4.0], [-4.0, 0, 0], [0, 5.0, 0]])}
SHAPES = {"as it lies": (44, 50, 34), "turned": (50, 34, 44)}


def _stand_in():
    """A network that calls 55 to 100 HU subdural."""
    slices = keras.Input((None, None, 1))
    bone = keras.layers.ReLU()(keras.layers.Rescaling(1, -95)(slices))
    subdural = keras.layers.Subtract()([keras.layers.Rescaling(0.5, -27.5)(slices), bone])
    none = keras.layers.Rescaling(0.0)(slices)
    epidural = keras.layers.Rescaling(0.0, -9.0)(slices)
    return keras.Model(slices, {"logits": keras.layers.Concatenate()([none, epidural, subdural])})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The export/ of a run that segments."""
    folder, made = tmp_path_factory.mktemp("run"), CtSettings(size=64, brain="none").to_dict()
    network = _stand_in()
    config = {**dict.fromkeys(KEPT), "preprocessing": {"kind": "ct", "settings": made}}
    export(folder, network, config, module=ExportedSegmenter(network), more={"segmentation": {"classes": CLASSES}},
           decides=False)
    return folder / "export"


def run(scans, model, out, *more):
    return predict.main([str(scans), "--model", str(model), "--out", str(out), *more])


@pytest.fixture(scope="module", params=AXES)
def answered(request, head, model, tmp_path_factory):
    """(folder of the answers, the scan's mask, its affine) of a head in one file."""
    folder = tmp_path_factory.mktemp("scan")
    hu, bleed, affine = head(AXES[request.param], SHAPES[request.param])
    nib.save(nib.Nifti1Image(hu, affine), folder / "a.nii.gz")
    assert run(folder / "a.nii.gz", model, folder / "out") == 0
    return folder / "out", bleed, affine


def test_the_mask_lies_on_the_scans_voxels(answered):
    out, bleed, affine = answered
    found = nib.load(out / "a_segmentation.nii.gz")
    values = np.asanyarray(found.dataobj)
    assert values.dtype == np.uint8 and values.shape == bleed.shape and set(np.unique(values)) == {0, 2}
    np.testing.assert_allclose(found.affine, affine, atol=1e-5)
    assert 2 * ((values == 2) & bleed).sum() / ((values == 2).sum() + bleed.sum()) > 0.98


def test_the_volumes_are_those_of_the_mask_in_every_file(answered):
    out, bleed, affine = answered
    voxels = np.count_nonzero(np.asanyarray(nib.load(out / "a_segmentation.nii.gz").dataobj))
    cm3 = voxels * 4 * 4 * 5 / 1000
    told = json.loads((out / "a.json").read_text())
    assert told["volumes_cm3"] == {"epidural": 0.0, "subdural": pytest.approx(cm3), "any": pytest.approx(cm3)}
    assert told["mask"] == {"file": "a_segmentation.nii.gz", "values": {"0": "none", "1": "epidural", "2": "subdural"}}
    with open(out / "predictions.csv", newline="") as file:
        row = next(csv.DictReader(file))
    assert float(row["subdural_cm3"]) == pytest.approx(cm3) and float(row["y_prob"]) > 0.99
    with open(out / "a.csv", newline="") as file:
        areas = [float(row["subdural_mm2"] or 0) for row in csv.DictReader(file)]
    thick = abs(np.linalg.det(affine[:3, :3])) / (4 * 4 * 5) * told["scan"]["spacing_mm"][2]
    assert sum(areas) * thick / 1000 == pytest.approx(cm3, rel=1e-4)  # every voxel of the scan is on the canvas


def test_volumes_count_voxels_of_every_class():
    mask = np.array([[[0, 1, 1], [2, 0, 0]]], np.uint8)
    assert volumes(mask, np.diag([-10.0, 10, 20, 1]), ["a", "b", "c"]) == {"a": 4.0, "b": 2.0, "c": 0.0}


def test_a_bad_scan_is_left_out_and_answers_are_not_written_over(head, model, tmp_path, capsys):
    hu, _, affine = head(AXES["as it lies"], SHAPES["as it lies"])
    nib.save(nib.Nifti1Image(hu, affine), tmp_path / "a.nii.gz")
    (tmp_path / "b.nii.gz").write_bytes(b"no scan")
    assert run(tmp_path, model, tmp_path / "out") == 1
    with open(tmp_path / "out" / "rejected.csv", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["b"]
    assert (tmp_path / "out" / "a_segmentation.nii.gz").exists()
    assert run(tmp_path / "a.nii.gz", model, tmp_path / "out") == 2
    assert "is there already" in capsys.readouterr().err
    assert run(tmp_path / "a.nii.gz", model, tmp_path / "out", "--maps", "--force") == 2
    assert "--maps is for models of probabilities" in capsys.readouterr().err


def test_an_export_without_classes_is_refused(model, tmp_path):
    facts = json.loads((model / "mil_tf.json").read_text())
    (tmp_path / "mil_tf.json").write_text(json.dumps({**facts, "segmentation": {"classes": []}}))
    assert is_of_masks(tmp_path)
    with pytest.raises(ModelError, match="Expected the names of 1 to 255 classes"):
        MaskModel(tmp_path)
