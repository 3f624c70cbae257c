"""A model that says where it looked, and heads with a bleed whose place is known."""

import json
import shutil

import keras
import nibabel as nib
import numpy as np
import pytest

from mil_tf.export import KEPT, export
from mil_tf.inference import PREDICTIONS
from mil_tf.models.position_export import ExportedPositions
from mil_tf.prediction.answer import answer
from mil_tf.prediction.model import ExportedModel
from mil_tf.runs import write_table
from preprocessing.ct import CtSettings

BLEED, RADII = np.array([-32.0, 24.0, 18.0]), np.array([17.0, 14.0, 15.0])  # mm: left, in front of and above the middle
POSITIONS = {"pooling": "max", "detector": {"h": 0.5, "threshold": 0.0, "distance": 8.0}, "only_positive": False}


def _within(mm, centre, radii):
    return (((mm - centre) / radii) ** 2).sum(axis=-1) < 1


def _head(axes, shape):
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = [3, -5, 8] - axes @ (np.array(shape) - 1) / 2
    mm = np.moveaxis(np.indices(shape), 0, -1) @ axes.T + affine[:3, 3]
    bleed = _within(mm, BLEED, RADII)
    hu = np.full(shape, -1000.0)
    for radii, value in (((72, 88, 70), 20), ((68, 84, 66), 900), ((62, 78, 60), 35)):
        hu[_within(mm, [0, 0, 0], radii)] = value
    hu[bleed] = 72
    hu += np.random.default_rng(0).normal(0, 4, shape)
    return hu.round().astype(np.int16), bleed, affine


@pytest.fixture(scope="session")
def head():
    """head(axes, shape) -> (HU int16 (i, j, k), mask of the bleed, affine) of a head around the file's middle.

    `axes` (3, 3) are the file's in mm. Wherever they lead, head and bleed lie in the same place.
    """
    return _head


@pytest.fixture(scope="session")
def in_bleed():
    """in_bleed(mm (..., 3)) -> whether that is in the bleed, or a pixel beside it."""
    return lambda mm: _within(np.asarray(mm), BLEED, 1.05 * RADII)


def _stand_in():
    """(scorer, mapper): a map of logits at a quarter of the size, and its highest."""
    slices = keras.Input((None, None, 1))
    above = [keras.layers.ReLU(max_value=1)(keras.layers.Rescaling(1 / 20, -hu / 20)(slices)) for hu in (45, 90)]
    blood = keras.layers.AveragePooling2D(4)(keras.layers.Subtract()(above))
    blur = keras.layers.Conv2D(1, 3, padding="same", use_bias=False, kernel_initializer=keras.initializers.Constant(1 / 9))
    logits = keras.layers.Rescaling(12, -4)(blur(blood))
    positive = keras.layers.Activation("sigmoid")(keras.layers.GlobalMaxPooling2D()(logits))
    both = keras.layers.Concatenate()([keras.layers.Rescaling(-1, 1)(positive), positive])
    return keras.Model(slices, both), keras.Model(slices, {"probabilities": both, "map": logits})


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """The export/ of a run; its network knows blood by its HU."""
    folder = tmp_path_factory.mktemp("run")
    write_table(folder / "predictions-validation.csv", PREDICTIONS, [("a", "a", 0, 0.2, 0), ("b", "b", 1, 0.8, 0)])
    made = {"kind": "ct", "settings": CtSettings(size=64).to_dict()}
    scorer, mapper = _stand_in()
    config = {**dict.fromkeys(KEPT), "preprocessing": made}
    export(folder, scorer, config, module=ExportedPositions(scorer, mapper), more={"positions": POSITIONS})
    return folder / "export"


@pytest.fixture
def changed(model, tmp_path):
    """changed(**values) -> a copy of the export with other positions."""

    def change(**values):
        copy = shutil.copytree(model, tmp_path / "export", dirs_exist_ok=True)
        facts = json.loads((copy / "mil_tf.json").read_text())
        facts["positions"] = {**POSITIONS, **values}
        (copy / "mil_tf.json").write_text(json.dumps(facts))
        return copy

    return change


@pytest.fixture(scope="session")
def scan(tmp_path_factory):
    """Path of a head of 52 x 57 pixels, fewer than the model's canvas has."""
    hu, _, affine = _head(np.diag([-2.9, -3.2, 5.0]), (52, 57, 30))
    path = tmp_path_factory.mktemp("scan") / "a.nii.gz"
    nib.save(nib.Nifti1Image(hu, affine), path)
    return path


@pytest.fixture(scope="session")
def found(model, scan):
    """The Answer to `scan`."""
    return _answered(model, scan)


@pytest.fixture
def answered(scan):
    """answered(model) -> the Answer of another export to `scan`."""
    return lambda model: _answered(model, scan)


def _answered(model, scan):
    loaded = ExportedModel(model)
    loaded.load()
    return answer(scan, "a", loaded, loaded.settings)
