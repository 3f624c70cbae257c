"""Where a model looked, drawn back on scans as they came: one head and one bleed, in files of every kind."""

import csv
import json
import shutil

import keras
import nibabel as nib
import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.transform import Rotation

from mil_tf import predict
from mil_tf.export import KEPT, export
from mil_tf.inference import PREDICTIONS
from mil_tf.localization.peaks import resized
from mil_tf.models.position_export import ExportedPositions
from mil_tf.prediction import sheet
from mil_tf.prediction.answer import answer
from mil_tf.prediction.files import describe
from mil_tf.prediction.model import ExportedModel, ModelError
from mil_tf.prediction.points import Point
from mil_tf.runs import write_table
from preprocessing.ct import CtSettings
from preprocessing.errors import ScanError

SIZE = 64  # of the model's canvas
BLEED, RADII = np.array([-32.0, 24.0, 18.0]), np.array([17.0, 14.0, 15.0])  # mm: left, in front of and above the middle
POSITIONS = {"pooling": "max", "detector": {"h": 0.5, "threshold": 0.0, "distance": 8.0}, "only_positive": False}


def within(mm, centre, radii):
    return (((mm - centre) / radii) ** 2).sum(axis=-1) < 1


def head(axes, shape):
    """(HU int16 (i, j, k), mask of the bleed, affine) of a head around the file's middle, which `axes` (3, 3) leads to."""
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = [3, -5, 8] - axes @ (np.array(shape) - 1) / 2
    mm = np.moveaxis(np.indices(shape), 0, -1) @ axes.T + affine[:3, 3]
    bleed = within(mm, BLEED, RADII)
    hu = np.full(shape, -1000.0)
    for radii, value in (((72, 88, 70), 20), ((68, 84, 66), 900), ((62, 78, 60), 35)):
        hu[within(mm, [0, 0, 0], radii)] = value
    hu[bleed] = 72
    hu += np.random.default_rng(0).normal(0, 4, shape)
    return hu.round().astype(np.int16), bleed, affine


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


def stand_in():
    """(scorer, mapper) that know blood by its HU: a map of logits at a quarter of the size, and its highest."""
    slices = keras.Input((None, None, 1))
    above = [keras.layers.ReLU(max_value=1)(keras.layers.Rescaling(1 / 20, -hu / 20)(slices)) for hu in (45, 90)]
    blood = keras.layers.AveragePooling2D(4)(keras.layers.Subtract()(above))
    blur = keras.layers.Conv2D(1, 3, padding="same", use_bias=False, kernel_initializer=keras.initializers.Constant(1 / 9))
    logits = keras.layers.Rescaling(12, -4)(blur(blood))
    positive = keras.layers.Activation("sigmoid")(keras.layers.GlobalMaxPooling2D()(logits))
    both = keras.layers.Concatenate()([keras.layers.Rescaling(-1, 1)(positive), positive])
    return keras.Model(slices, both), keras.Model(slices, {"probabilities": both, "map": logits})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The export/ of a run of the stand-in."""
    folder = tmp_path_factory.mktemp("run")
    write_table(folder / "predictions-validation.csv", PREDICTIONS, [("a", "a", 0, 0.2, 0), ("b", "b", 1, 0.8, 0)])
    made = {"kind": "ct", "settings": CtSettings(size=SIZE).to_dict()}
    scorer, mapper = stand_in()
    config = {**dict.fromkeys(KEPT), "preprocessing": made}
    export(folder, scorer, config, module=ExportedPositions(scorer, mapper), more={"positions": POSITIONS})
    return folder / "export"


@pytest.fixture(scope="module")
def answers(model, tmp_path_factory):
    """The folder of the answers to all SCANS, which lie in `scans` in it; without sheets, which take long."""
    out = tmp_path_factory.mktemp("answers")
    (out / "scans").mkdir()
    for name, (axes, shape) in SCANS.items():
        hu, mask, affine = head(axes, shape)
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
def test_the_peak_of_the_heat_map_lies_in_the_bleed_of_the_file(answers, name):
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
def test_points_are_in_the_bleed_by_voxel_and_by_millimetre(answers, name):
    _, mask, affine = head(*SCANS[name])
    found = told(answers, name)
    points = found["points"]
    assert len(points) >= 2 and len({point["source_index"] for point in points}) == len(points)  # one a slice
    for point in points:
        assert mask[tuple(point["voxel"])] and within(np.array(point["mm"]), BLEED, RADII * 1.05)
        np.testing.assert_allclose((affine @ [*point["voxel"], 1])[:3], point["mm"], atol=1e-2)
        shown = found["slices"][point["source_index"]]
        assert point["scan_slice"] == shown["scan_slice"] and point["slice_probability"] == shown["probability"]
        # Of max pooling the highest position is the slice's logit; a pixel's centre may lie beside it.
        assert 0 < point["value"] <= np.log(shown["probability"] / (1 - shown["probability"])) + 1e-4
    row, = [row for row in table(answers / "predictions.csv") if row["id"] == name]
    assert row["points"] == str(len(points))


def test_a_point_beyond_the_scans_edge_has_millimetres_alone(model, tmp_path):
    hu, mask, affine = head(*SCANS["padded"])
    nib.save(nib.Nifti1Image(hu, affine), tmp_path / "a.nii")
    loaded = ExportedModel(model)
    loaded.load()
    found = answer(tmp_path / "a.nii", "a", loaded, loaded.settings)
    outside = found._replace(points=[Point(0, 0, 0, 2.0, 0.5)])  # the canvas is wider than the scan
    point, = describe(outside, loaded, loaded.settings)["points"]
    assert point["voxel"] is None and point["scan_slice"] is None
    assert (np.linalg.solve(affine, [*point["mm"], 1])[:2] < 0).all()


def test_one_pass_gives_what_the_other_signature_does(model):
    loaded = ExportedModel(model)
    loaded.load()
    slices = np.random.default_rng(0).normal(40, 30, (5, SIZE, SIZE, 1)).astype(np.float16)
    probability, maps = loaded.maps(slices)
    assert maps.shape == (5, SIZE // 4, SIZE // 4) and maps.dtype == np.float32
    np.testing.assert_allclose(probability, loaded(slices), rtol=1e-5)
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-maps.max(axis=(1, 2)))), rtol=1e-5)


def test_maps_are_made_in_chunks(model):
    loaded, seen = ExportedModel(model), []

    def look(slices):
        seen.append(len(slices))
        first = slices[:, 0, 0, 0]
        return {"probabilities": tf.stack([1 - first, first], 1), "map": slices[:, ::4, ::4, 0]}

    loaded._map = look
    slices = np.zeros((21, 512, 512, 1), np.float16)
    slices[:, 0, 0, 0] = np.arange(21)
    probability, maps = loaded.maps(slices)
    np.testing.assert_array_equal(probability, np.arange(21))
    np.testing.assert_array_equal(maps[:, 0, 0], np.arange(21))
    assert seen == [8, 8, 5] and maps.shape == (21, 128, 128)


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


@pytest.mark.parametrize(
    "values",
    [{"pooling": "mean"}, {"detector": {"h": 1, "threshold": 0}}, {"detector": {**POSITIONS["detector"], "h": "high"}},
     {"detector": None}, {"only_positive": 1}, {"detector": {**POSITIONS["detector"], "distance": float("nan")}}],
    ids=["pooling", "no distance", "no number", "no detector", "no truth", "not a number"],
)
def test_positions_that_are_none(changed, values):
    with pytest.raises(ModelError, match="Expected positions with a pooling .max or attention., a detector"):
        ExportedModel(changed(**values))


def test_maps_that_are_not_finite_are_the_scans_reason(model, answers):
    loaded = ExportedModel(model)
    loaded._map = lambda slices: {"probabilities": tf.fill([len(slices), 2], 0.5), "map": slices[..., 0] * np.nan}
    with pytest.raises(ScanError, match="the model's maps are not finite"):
        answer(answers / "scans" / "gantry.nii.gz", "a", loaded, loaded.settings)


def test_points_on_positive_slices_alone(answers, changed, tmp_path):
    low = {**POSITIONS["detector"], "threshold": -3.9, "h": 0.001}  # so that noise has peaks
    counts = []
    for only_positive in (False, True):
        loaded = ExportedModel(changed(detector=low, only_positive=only_positive))
        loaded.load()
        found = answer(answers / "scans" / "gantry.nii.gz", "a", loaded, loaded.settings)
        counts.append([sum(point.place == place for point in found.points) for place in range(found.bag.n)])
    every, positive = np.array(counts)
    bleeding = found.probability >= 0.5
    assert every[~bleeding].sum() > 0 and positive[~bleeding].sum() == 0
    np.testing.assert_array_equal(every[bleeding], positive[bleeding])


def test_a_models_heat_map_does_not_outlive_its_scan(model, answers, tmp_path, capsys):
    scan = shutil.copy(answers / "scans" / "padded.nii.gz", tmp_path / "a.nii.gz")
    given = [str(scan), "--model", str(model), "--out", str(tmp_path / "out")]
    assert predict.main([*given, "--maps"]) == 0
    names = {"a.json", "a.csv", "a.png", "a_heat.nii.gz", "a_probability.nii.gz", "predictions.csv", "rejected.csv"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    for name in ("a.json", "a.csv", "a.png", "predictions.csv", "rejected.csv"):
        (tmp_path / "out" / name).unlink()
    assert predict.main(given) == 2 and "--force" in capsys.readouterr().err
    (tmp_path / "a.nii.gz").write_bytes(b"")
    assert predict.main([*given, "--force"]) == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"predictions.csv", "rejected.csv"}


@pytest.mark.parametrize("pooling, told", [("max", "likelihood of bleeding"), ("attention", "of the slice's\nhighest")])
def test_the_sheet_shows_where_the_model_looked(model, answers, pooling, told):
    loaded = ExportedModel(model)
    loaded.load()
    found = answer(answers / "scans" / "gantry.nii.gz", "a", loaded, loaded.settings)._replace(pooling=pooling)
    figure = sheet.sheet(found)
    _, *slices, bar = figure.axes
    assert told in bar.get_ylabel() and f"{len(found.points)} in the scan" in figure.get_suptitle()
    order = np.argsort(-found.probability, kind="stable")[:4]
    for axes, place in zip(slices, order, strict=True):
        under, over = axes.images
        assert under.get_extent() == over.get_extent() and axes.get_xlim() == (-0.5, SIZE - 0.5)
        crosses = {(line.get_ydata()[0], line.get_xdata()[0]) for line in axes.lines}
        assert crosses == {(point.row, point.column) for point in found.points if point.place == place}
        np.testing.assert_array_equal(over.get_array(), resized(found.maps[place], (SIZE, SIZE)))
        clear = over.to_rgba(over.get_array())[..., 3]
        assert clear.min() < 0.1 < 0.5 < clear.max() < 0.6
