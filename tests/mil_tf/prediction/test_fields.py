"""`python -m mil_tf.predict` on microscopy fields: files, tables, and the answers that the run's own code gives."""

import csv
import json
import re

import keras
import numpy as np
import pytest
import tifffile

from mil_tf import predict
from mil_tf.export import KEPT, export
from mil_tf.localization.jacobian import JacobianMapper
from mil_tf.localization.segmented import segment
from mil_tf.models.conv_mil import conv_mil
from mil_tf.training.field_answers import FieldAnswers

CLASSES, CHANNELS = ["disc", "ring;x", "spot"], ["DNA", "Actin"]
MEAN, STD = [0.2, 0.1], [0.1, 0.1]
SIZES = {"a": (48, 60), "b": (70, 41)}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return conv_mil(3, 2, MEAN, STD, widths=(8, 8, 8, 8, 8, 16), first_stride=1)


def write_export(folder, model, crop=None, ending="softmax"):
    folder.mkdir(parents=True, exist_ok=True)
    made = {"kind": "fields", "settings": {"channels": CHANNELS, "crop": crop}}
    facts = {"classes": CLASSES, "channels": CHANNELS, "single_label": True, "ending": ending,
             "standardisation": {"mean": MEAN, "std": STD}}
    options = {"first_stride": 1, "cell_crop": 33}
    module, more = FieldAnswers(model, None, options, facts, "noisy_and(slope=10)").exported(folder)
    config = {**dict.fromkeys(KEPT), "recipe": "kraus2016", "preprocessing": made}
    export(folder, model, config, None, module, more, decides=False)
    return folder / "export"


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    return write_export(tmp_path_factory.mktemp("run"), model)


def image(name, scale=1.0):
    """uint16 (h, w, 2) with two bright cells."""
    rng, (height, width) = np.random.default_rng(ord(name)), SIZES[name]
    pixels = rng.normal(0.15, 0.02, (height, width, 2)).clip(0, 1)
    pixels[8:20, 10:24] += 0.5
    pixels[28:39, 22:36, 1] += 0.4
    return (pixels * scale * 65535).astype(np.uint16)


def fractions(name):
    return (image(name) / np.float32(65535)).astype(np.float16).astype(np.float32)


def run(images, exported, out, *more):
    return predict.main([str(images), "--model", str(exported), "--out", str(out), *more])


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of both channels in folders, of two sizes, and some that cannot be."""
    root = tmp_path_factory.mktemp("images")
    (root / "deep").mkdir()
    tifffile.imwrite(root / "a.ome.tif", np.moveaxis(image("a"), -1, 0), metadata={"axes": "CYX"})
    tifffile.imwrite(root / "deep" / "b.tiff", image("b"), planarconfig="contig", photometric="minisblack")
    tifffile.imwrite(root / "one.tif", image("a")[..., 0])
    tifffile.imwrite(root / "small.tif", np.moveaxis(image("a")[:30], -1, 0), photometric="minisblack")
    (root / "damaged.tif").write_bytes((root / "a.ome.tif").read_bytes()[:900])
    (root / "notes.txt").write_text("no image")
    return root


@pytest.fixture(scope="module")
def done(folder, exported, tmp_path_factory):
    out = tmp_path_factory.mktemp("answers") / "out"
    assert run(folder, exported, out) == 1
    return out


def test_answers_are_those_of_the_keras_model_at_every_size(done, model):
    found = {row["id"]: row for row in rows(done / "predictions.csv")}
    assert list(found) == ["a", "b"]
    for id, row in found.items():
        answer = model(fractions(id)[None], training=False)
        for kind, name in (("prob", "probabilities"), ("pool", "pooled")):
            told = [float(row[f"y_{kind}_{one}"]) for one in CLASSES]
            np.testing.assert_allclose(told, answer[name][0], atol=1e-6)
        assert row["likeliest"] == row["classes"] == CLASSES[int(np.argmax(answer["probabilities"][0]))]


def test_regions_are_those_of_the_jacobian_mapper(done, model):
    mapper = JacobianMapper(model)
    for id in SIZES:
        expected = segment(mapper, fractions(id))
        table, labels = rows(done / f"{id}_cells.csv"), tifffile.imread(done / f"{id}_labels.tif")
        told = json.loads((done / f"{id}.json").read_text())
        assert expected.regions and labels.dtype == np.uint16
        np.testing.assert_array_equal(labels, expected.labels)
        assert [int(row["area"]) for row in table] == [one.area for one in expected.regions]
        assert [row["class"] for row in table] == [CLASSES[one.label] for one in expected.regions]
        np.testing.assert_allclose([[float(row["y"]), float(row["x"])] for row in table],
                                   [[one.y, one.x] for one in expected.regions], atol=1e-3)
        assert told["cells"]["regions"] == len(table) == len(told["regions"]) and told["warnings"] == []
        assert (done / f"{id}_overlay.png").stat().st_size > 10_000


def test_what_cannot_be_answered_has_its_reason(done):
    reasons = {row["id"]: row["reason"] for row in rows(done / "rejected.csv")}
    assert set(reasons) == {"one", "small", "damaged"}
    assert reasons["one"].startswith("Expected 2 channels a file. Received: 1")
    assert reasons["small"] == "smaller than one position of the network: 30 x 60 pixels of 33 x 33"
    assert not list(done.glob("one*")) and not list(done.glob(".part*"))


def test_answers_are_written_over_only_by_force(done, folder, exported, capsys):
    before = (done / "a.json").read_bytes()
    assert run(folder / "a.ome.tif", exported, done) == 2
    assert "--force to write over it" in capsys.readouterr().err
    assert (done / "a.json").read_bytes() == before


@pytest.fixture
def no_picture(monkeypatch):
    """Pictures take most of the time; where only answers matter they are left out."""
    monkeypatch.setattr("mil_tf.prediction.field_overlay.write_overlay", lambda *args: None)


@pytest.fixture(scope="module")
def screen(tmp_path_factory):
    """A folder of a file a channel, and tables of both forms, whose channels are in another order than the model's."""
    root = tmp_path_factory.mktemp("screen")
    (root / "P1").mkdir()
    for place in range(len(CHANNELS)):
        tifffile.imwrite(root / "P1" / f"B02_s1_w{place}.tif", image("a")[..., place])
    bbbc = ["Image_FileName_Actin,Image_PathName_Actin,Image_FileName_DNA,Image_PathName_DNA,Image_Metadata_Plate_DAPI,"
            "Image_Metadata_Well_DAPI,Replicate,Image_Metadata_Compound,Image_Metadata_Concentration",
            "B02_s1_w1.tif,Week1/P1,B02_s1_w0.tif,Week1/P1,P1,B02,1,taxol,0.300000",
            "B03_s1_w1.tif,Week1/P1,B03_s1_w0.tif,Week1/P1,P1,B03,1,DMSO,0"]
    (root / "bbbc.csv").write_bytes("\r".join(bbbc).encode())
    (root / "plain.csv").write_text("id,path_Actin,path_DNA,label\n../x,P1/B02_s1_w1.tif,P1/B02_s1_w0.tif,\n")
    (root / "other.csv").write_text("id,path_Actin,path_GFP\nx,P1/B02_s1_w1.tif,P1/B02_s1_w0.tif\n")
    (root / "none.csv").write_text("id,path_Actin,path_DNA\nx,gone.tif,P1/B02_s1_w0.tif\n")
    return root


@pytest.mark.parametrize("table, id, code", [("bbbc", "P1_B02_s1", 1), ("plain", ".._x~", 0)])
def test_channels_are_matched_by_their_names_in_a_table(no_picture, screen, exported, done, tmp_path, table, id, code):
    assert run(screen, exported, tmp_path / "out", "--images", str(screen / f"{table}.csv")) == code
    (row,), (expected, _) = rows(tmp_path / "out" / "predictions.csv"), rows(done / "predictions.csv")
    assert row["id"].startswith(id) and (tmp_path / "out" / f"{row['id']}_labels.tif").exists()
    for name in CLASSES:
        assert float(row[f"y_prob_{name}"]) == pytest.approx(float(expected[f"y_prob_{name}"]), abs=1e-6)
    if table == "bbbc":
        assert (row["plate"], row["treatment"]) == ("P1", "taxol 0.3")
        (missing,) = rows(tmp_path / "out" / "rejected.csv")
        assert missing["id"] == "P1_B03_s1" and "no such file below" in missing["reason"]


@pytest.mark.parametrize("table, told", [
    ("other", "Expected files of the model's channels, DNA, Actin. Received: .*other.csv with Actin, GFP"),
    ("none", "Expected rows of images. Received: .*none.csv, with none that can be used; the first: 'x'"),
])
def test_a_table_that_cannot_be_used_is_one_line(screen, exported, tmp_path, capsys, table, told):
    assert run(screen, exported, tmp_path / "out", "--images", str(screen / f"{table}.csv")) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and not (tmp_path / "out").exists()
    assert re.search(told, said), said


@pytest.mark.parametrize("given, told", [
    (["P1"], "Expected images of the model's 2 channels, DNA, Actin. Received: B02_s1_w0.tif with 1; .*--images TABLE"),
    (["gone"], "Expected an image .* Received: .*gone, which does not exist"),
    (["P1", "--maps"], "--maps is for scans, and .* predicts fields"),
    (["P1", "--mpp", "0.5"], "--mpp is for slides, and .* predicts fields"),
])
def test_what_is_no_field_of_the_models_is_one_line(screen, exported, tmp_path, capsys, given, told):
    assert run(screen / given[0], exported, tmp_path / "out", *given[1:]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and not (tmp_path / "out").exists()
    assert re.search(told, said), said


def test_a_crop_of_training_is_taken_where_the_field_is_as_large_and_places_are_the_files(no_picture, model, folder, tmp_path):
    exported = write_export(tmp_path / "run", model, crop=[40, 50])
    assert run(folder, exported, tmp_path / "out") == 1
    whole, cropped = fractions("b"), fractions("a")[4:44, 5:55]
    expected = {"a": (cropped, [4, 5], [48, 60]), "b": (whole, [0, 0], [70, 41])}  # b is narrower than the crop
    for row in rows(tmp_path / "out" / "predictions.csv"):
        given, corner, shape = expected[row["id"]]
        answer = model(given[None], training=False)["probabilities"][0]
        np.testing.assert_allclose([float(row[f"y_prob_{one}"]) for one in CLASSES], answer, atol=1e-6)
        told = json.loads((tmp_path / "out" / f"{row['id']}.json").read_text())
        labels = tifffile.imread(tmp_path / "out" / f"{row['id']}_labels.tif")
        assert told["image"]["answered_from"] == corner and told["image"]["shape"] == shape == list(labels.shape)
        for region in told["regions"]:
            y, x = (np.flatnonzero((labels == region["region"]).any(axis=1 - axis)) for axis in (0, 1))
            assert y[0] <= region["y"] <= y[-1] and x[0] <= region["x"] <= x[-1]


def test_several_classes_are_said_of_a_field_after_sigmoid_and_odd_brightness_is_warned_of(no_picture, tmp_path, capsys):
    keras.utils.set_random_seed(5)
    model = conv_mil(3, 2, MEAN, STD, ending="sigmoid", widths=(8, 8, 8, 8, 8, 16), first_stride=1)
    weights, bias = model.get_layer("last").get_weights()
    model.get_layer("last").set_weights([weights, bias + [9, -9, 9]])
    exported = write_export(tmp_path / "run", model, ending="sigmoid")
    tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(image("a", 1 / 16), -1, 0), photometric="minisblack")
    assert run(tmp_path / "a.tif", exported, tmp_path / "out") == 0
    told = json.loads((tmp_path / "out" / "a.json").read_text())
    assert told["classes"] == ["disc", "spot"] and len(told["warnings"]) == 2
    assert "a: WARNING: DNA is 0.056 times as bright" in capsys.readouterr().err


def test_an_export_that_does_not_say_of_fields_what_it_must_is_one_line(exported, folder, tmp_path, capsys):
    facts = json.loads((exported / "mil_tf.json").read_text())
    del facts["sees"]
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "mil_tf.json").write_text(json.dumps(facts))
    assert run(folder, tmp_path / "export", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and "Received: none of 'sees'; train again" in said
