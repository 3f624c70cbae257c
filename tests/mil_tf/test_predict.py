"""`python -m mil_tf.predict` on NIfTI files, with a model that train.py has trained and exported."""

import csv
import json
import shutil
import types
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import train
from mil_tf import predict
from mil_tf.prediction import checks, job, sheet
from mil_tf.prediction.answer import answer
from mil_tf.prediction.model import ExportedModel
from preprocessing import ct_job
from preprocessing.ct import CtSettings, load_bag

SIZE, EMPTY = 32, 2  # pixels of the model's canvas; the slice that is empty in every scan
PARTS = {"train": range(0, 8), "validation": range(8, 12), "test": range(12, 16)}
FLIPPED = np.array([[-3.0, 0, 0, 40], [0, -3, 0, 50], [0, 0, -5, 60], [0, 0, 0, 1]])  # LPI, slices downwards


def head(seed, positive=False, size=40, slices=7):
    """(i, j, k) HU of an ellipse of brain in air, bleeding in two slices where positive."""
    random = np.random.default_rng(seed)
    i, j = np.mgrid[:size, : size - 4]
    inside = ((i - size / 2) / 13) ** 2 + ((j - size / 2 + 2) / 11) ** 2 < 1
    volume = np.where(inside[..., None], 35.0, -1000.0) + random.normal(0, 4, (size, size - 4, slices))
    if positive:
        volume[16:22, 14:20, 3:5] += 40
    volume[..., EMPTY] = -1000
    return volume.round().astype(np.int16)


def save(path, volume, affine=FLIPPED, coded=True):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(volume, None)  # given here, the affine would be stored with a code
    image.set_sform(affine, int(coded))
    image.set_qform(affine, int(coded))
    nib.save(image, path)
    return path


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Scans, their bags, and a run on them: (folder of scans, run)."""
    folder = tmp_path_factory.mktemp("home")
    ids = [f"s{i:02d}" for i in range(16)]
    for i, id in enumerate(ids):
        affine = FLIPPED if i % 3 else np.diag([3.0, 3, 4, 1])
        save(folder / "scans" / f"{id}.nii.gz", head(i, i % 2 == 1, slices=6 + i % 3), affine)
    labels = "".join(f"{id},{i % 2}\n" for i, id in enumerate(ids))
    (folder / "labels.csv").write_text("id,label\n" + labels)
    given = [f"--scans={folder}/scans", f"--labels={folder}/labels.csv", f"--out={folder}/data"]
    assert ct_job.main([*given, f"--size={SIZE}", "--jobs=1", "--brain=none"]) == 0
    rows = [f"{ids[i]},{ids[i]},{part},0\n" for part, places in PARTS.items() for i in places]
    (folder / "data" / "splits.csv").write_text("id,patient,split,fold\n" + "".join(rows))
    few = ["backbone=convnet", "warm_up=1", "max_epochs=2", "window=4", "image_every=0", "learning_rate=1e-3"]
    assert train.main(["--data", str(folder / "data"), "--out", str(folder / "runs"), "--set", *few]) == 0
    return folder / "scans", next((folder / "runs").rglob("fold-0/seed-0"))


@pytest.fixture
def model(home, tmp_path):
    """A copy of the export, for tests that change it."""
    return shutil.copytree(home[1] / "export", tmp_path / "export")


def run(scans, model, out, *more):
    return predict.main([str(scans), "--model", str(model), "--out", str(out), *more])


def refused(capsys, *args):
    """The one line that a refused command leaves on stderr."""
    assert run(*args) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_scan_gets_the_numbers_that_the_run_gave_it(home, tmp_path):
    scans, folder = home
    assert run(scans, folder / "export", tmp_path) == 0
    summary = {row["id"]: row for row in table(tmp_path / "predictions.csv")}
    bags = table(folder / "predictions-test.csv")
    assert len(bags) == 4 and len(summary) == 16
    for bag in bags:
        one = summary[bag["id"]]
        assert float(one["y_prob"]) == pytest.approx(float(bag["y_prob"]), abs=1e-5)
        slices = [row for row in table(folder / "instances-test.csv") if row["id"] == bag["id"]]
        scored = [row for row in table(tmp_path / f"{bag['id']}.csv") if row["probability"]]
        assert [row["source_index"] for row in scored] == [row["source_index"] for row in slices]
        assert [row["position_mm"] for row in scored] == [row["position_mm"] for row in slices]
        expected = [float(row["y_prob"]) for row in slices]
        np.testing.assert_allclose([float(row["probability"]) for row in scored], expected, atol=1e-5)
        assert np.ptp(expected) > 1e-3
        top = [row["source_index"] for row in slices].index(one["top_instance"])
        assert expected[top] >= max(expected) - 1e-5


def test_json_and_tables_agree(home, tmp_path):
    scans, folder = home
    assert run(scans / "s13.nii.gz", folder / "export", tmp_path) == 0
    told = json.loads((tmp_path / "s13.json").read_text())
    summary, = table(tmp_path / "predictions.csv")
    slices = table(tmp_path / "s13.csv")
    facts = json.loads((folder / "export" / "mil_tf.json").read_text())
    assert told["path"] == summary["path"] == str(scans / "s13.nii.gz")
    assert told["probability"] == float(summary["y_prob"]) == told["top_slice"]["probability"]
    assert told["top_slice"]["source_index"] == int(summary["top_instance"])
    assert f"{told['top_slice']['position_mm']:.3f}" == summary["top_position_mm"]
    for name, threshold in (("at_0.5", 0.5), ("at_validation_threshold", facts["threshold"])):
        expected = {"threshold": threshold, "positive": told["probability"] >= threshold}
        assert told["decisions"][name] == expected
        assert summary[f"positive_{name}"] == str(int(expected["positive"]))
    assert [row["probability"] for row in told["slices"]] == [
        float(row["probability"]) if row["probability"] else None for row in slices
    ]
    assert told["preprocessing"]["settings"] == facts["preprocessing"]["settings"]
    assert told["model"]["weights"] == facts["weights"]
    assert told["scan"] == {"shape": [40, 36, 7], "orientation": "LPI", "spacing_mm": [3.0, 3.0, 5.0]}
    assert "not a medical device" in told["note"]
    assert (tmp_path / "s13.png").read_bytes().startswith(b"\x89PNG")
    assert "points" not in {*told, *summary} and not (tmp_path / "s13_heat.nii.gz").exists()  # it has no positions
    assert table(tmp_path / "rejected.csv") == []


def test_empty_slices_are_listed_without_a_probability(home, tmp_path):
    run(home[0] / "s13.nii.gz", home[1] / "export", tmp_path)
    rows = table(tmp_path / "s13.csv")
    assert [row["source_index"] for row in rows] == [str(i) for i in range(7)]
    assert [float(row["position_mm"]) for row in rows] == [60.0 - 5 * i for i in range(7)]
    assert [i for i, row in enumerate(rows) if row["probability"] == ""] == [EMPTY]
    summary, = table(tmp_path / "predictions.csv")
    assert (summary["slices"], summary["empty_slices"]) == ("7", "1")


def test_a_bad_scan_is_told_about_and_the_others_go_on(home, tmp_path, capsys):
    scans = tmp_path / "scans"
    save(scans / "a.nii.gz", head(1))
    (scans / "b.nii.gz").write_bytes((scans / "a.nii.gz").read_bytes()[:900])
    save(scans / "c.nii", head(2))
    assert run(scans, home[1] / "export", tmp_path / "out") == 1
    assert "b: rejected: unreadable or truncated" in capsys.readouterr().err
    row, = table(tmp_path / "out" / "rejected.csv")
    assert row["id"] == "b" and row["reason"].startswith("unreadable or truncated")
    assert [row["id"] for row in table(tmp_path / "out" / "predictions.csv")] == ["a", "c"]
    assert not list((tmp_path / "out").glob("b.*"))


def test_whatever_goes_wrong_with_a_scan_is_its_reason(home, tmp_path, monkeypatch):
    def fail(path, id, model, settings):
        raise {"a": MemoryError(), "b": KeyError("two\nlines")}[id]

    monkeypatch.setattr(job, "answer", fail)
    for id in "ab":
        save(tmp_path / "scans" / f"{id}.nii", head(1))
    assert run(tmp_path / "scans", home[1] / "export", tmp_path / "out") == 1
    reasons = [row["reason"] for row in table(tmp_path / "out" / "rejected.csv")]
    assert reasons == ["not enough memory for this scan", r"unexpected KeyError: 'two\nlines'"]


def test_an_interrupt_keeps_what_is_answered(home, tmp_path, monkeypatch, capsys):
    def interrupted(path, id, model, settings):
        if id == "b":
            raise KeyboardInterrupt
        return answer(path, id, model, settings)

    monkeypatch.setattr(job, "answer", interrupted)
    for id in "abc":
        save(tmp_path / "scans" / f"{id}.nii", head(1))
    assert run(tmp_path / "scans", home[1] / "export", tmp_path / "out") == predict.INTERRUPTED
    assert [row["id"] for row in table(tmp_path / "out" / "predictions.csv")] == ["a"]
    assert "Stopped" in capsys.readouterr().err


def test_answers_are_not_written_over_without_force(home, tmp_path, capsys):
    scan, out = save(tmp_path / "a.nii", head(1)), tmp_path / "out"
    assert run(scan, home[1] / "export", out) == 0
    before = (out / "a.json").read_bytes()
    capsys.readouterr()
    assert "--force" in refused(capsys, scan, home[1] / "export", out)
    save(scan, head(3))
    assert run(scan, home[1] / "export", out, "--force") == 0
    assert (out / "a.json").read_bytes() != before
    scan.write_bytes(b"")
    assert run(scan, home[1] / "export", out, "--force") == 1
    assert {path.name for path in out.iterdir()} == {"predictions.csv", "rejected.csv"}


def test_a_header_without_an_orientation(home, tmp_path, capsys):
    scan = save(tmp_path / "a.nii", head(1), np.diag([3.0, 3, 5, 1]), coded=False)
    assert run(scan, home[1] / "export", tmp_path / "out") == 1
    assert "--orientation" in capsys.readouterr().err
    assert run(scan, home[1] / "export", tmp_path / "out", "--orientation", "LPS", "--force") == 0
    told = json.loads((tmp_path / "out" / "a.json").read_text())
    assert told["scan"]["orientation"] == told["preprocessing"]["settings"]["orientation"] == "LPS"
    capsys.readouterr()
    line = refused(capsys, scan, home[1] / "export", tmp_path / "b", "--orientation", "XYZ")
    assert "Received: 'XYZ'" in line


def test_names_that_clash(home, tmp_path):
    for name in ("a/ct.nii", "b/ct.nii", "b/ct.nii.gz", "predictions.nii"):
        save(tmp_path / "scans" / name, head(1))
    assert run(tmp_path / "scans", home[1] / "export", tmp_path / "out") == 1
    assert [row["id"] for row in table(tmp_path / "out" / "predictions.csv")] == ["a_ct"]
    rows = table(tmp_path / "out" / "rejected.csv")
    reasons = {str(Path(row["path"]).relative_to(tmp_path / "scans")): row["reason"] for row in rows}
    assert set(reasons) == {"b/ct.nii", "b/ct.nii.gz", "predictions.nii"}
    assert "duplicate id" in reasons["b/ct.nii"] and "name of a table" in reasons["predictions.nii"]


def test_scans_that_are_none(home, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "1.dcm").touch()
    for scans, told in (("nowhere", "not exist"), ("empty", "has none"), ("1.dcm", "has none")):
        line = refused(capsys, tmp_path / scans, home[1] / "export", tmp_path / "out")
        assert line.startswith("python -m mil_tf.predict: Expected") and told in line
    assert "is a file" in refused(capsys, home[0], home[1] / "export", tmp_path / "1.dcm")
    assert not (tmp_path / "out").exists()


def facts_changed(model, **values):
    path = model / "mil_tf.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    "values, told",
    [({"format": 2}, "Expected format 1. Received: 2"), ({"format": None}, "format 1. Received: None"),
     ({"preprocessing": {"kind": "wsi"}}, "kind 'ct'. Received: 'wsi'"),
     ({"preprocessing": None}, "Received: None"),
     ({"preprocessing": {"kind": "ct", "settings": {"sise": 3}}}, "'sise'"),
     ({"preprocessing": {"kind": "ct"}}, "settings are not known")],
)
def test_a_model_of_another_kind(home, model, tmp_path, capsys, values, told):
    facts_changed(model, **values)
    assert told in refused(capsys, home[0], model, tmp_path / "out")


def test_a_model_that_is_none(home, model, tmp_path, capsys):
    line = refused(capsys, home[0], home[1], tmp_path / "out")
    assert "which has none" in line and str(home[1] / "export") in line
    assert "train.py" in refused(capsys, home[0], home[0], tmp_path / "out")
    assert "which is none" in refused(capsys, home[0], tmp_path / "nowhere", tmp_path / "out")
    (model / "saved_model.pb").write_bytes(b"\xff\xff")
    assert "SavedModel cannot be loaded" in refused(capsys, home[0], model, tmp_path / "out")
    (model / "mil_tf.json").write_text("{")
    assert "cannot be read as JSON" in refused(capsys, home[0], model, tmp_path / "out")


def test_a_model_without_a_validation_threshold(home, model, tmp_path):
    facts_changed(model, threshold=None)
    assert run(home[0] / "s01.nii.gz", model, tmp_path / "out") == 0
    told = json.loads((tmp_path / "out" / "s01.json").read_text())
    assert told["decisions"]["at_validation_threshold"] == {"threshold": None, "positive": None}
    summary, = table(tmp_path / "out" / "predictions.csv")
    assert summary["positive_at_validation_threshold"] == summary["validation_threshold"] == ""


def test_a_scan_unlike_the_training_data_is_answered_with_a_warning(home, model, tmp_path, capsys):
    facts_changed(model, spacing={"low": [0.4, 0.4, 2.5], "high": [0.6, 0.6, 7.5]})
    assert run(home[0] / "s01.nii.gz", model, tmp_path / "out") == 0
    told = json.loads((tmp_path / "out" / "s01.json").read_text())["warnings"]
    assert told == ["pixels of 3 x 3 mm, the model was trained on 0.4 to 0.6 mm"]
    assert f"s01: WARNING: {told[0]}" in capsys.readouterr().err
    assert table(tmp_path / "out" / "predictions.csv")[0]["warnings"] == told[0]


def bag_of(tmp_path, volume, size=SIZE, affine=FLIPPED):
    return load_bag(save(tmp_path / "a.nii", volume, affine), CtSettings(size=size), id="a")


def warned(tmp_path, volume, size=SIZE, spacing=None):
    return checks.warnings_for(bag_of(tmp_path, volume, size), CtSettings(size=size), spacing)


def test_a_head_that_the_crop_cuts(tmp_path):
    assert warned(tmp_path, head(0)) == []  # 40 x 36 on 32 x 32 loses air alone
    line, = warned(tmp_path, head(0), size=16)
    assert line.startswith("the head is cut off") and "16 x 16" in line and "6 of 6 slices" in line


@pytest.mark.parametrize(
    "change",
    [lambda v: v + 1024, lambda v: np.maximum(v + 1024, 0), lambda v: np.where(v > 0, v * 12, 0),
     lambda v: np.random.default_rng(0).integers(-1009, -1000, v.shape)],
    ids=["offset lost", "offset lost and clipped", "MRI", "air alone"],
)
def test_values_that_are_no_hu(tmp_path, change):
    line, = warned(tmp_path, change(head(0)).astype(np.int16), size=64)
    assert "do not look like HU" in line


@pytest.mark.parametrize("size", [32, 64])
def test_brain_alone_is_no_reason_to_warn(tmp_path, size):
    volume = head(0)
    assert warned(tmp_path, np.where(volume > -500, volume, 0), size=size) == []


def test_voxel_sizes_outside_the_training_data(tmp_path):
    near = {"low": [3.2, 3.2, 5.4], "high": [4.0, 4.0, 7.5]}  # 3 and 5 mm are within a tenth of it
    far = {"low": [0.4, 0.4, 0.5], "high": [0.6, 0.6, 1.25]}
    assert warned(tmp_path, head(0), spacing=near) == []
    pixels, slices = warned(tmp_path, head(0), spacing=far)
    assert "3 x 3 mm" in pixels and "0.4 to 0.6 mm" in pixels
    assert "5 mm apart" in slices and "0.5 to 1.25 mm" in slices


def test_scoring_is_done_in_chunks(home):
    model, seen = ExportedModel(home[1] / "export"), []

    def score(slices):
        seen.append(len(slices))
        flat = slices.numpy()[:, 0, 0, 0]
        return {"probabilities": types.SimpleNamespace(numpy=lambda: np.stack([1 - flat, flat], 1))}

    model._score = score
    slices = np.zeros((21, 512, 512, 1), np.float16)
    slices[:, 0, 0, 0] = np.arange(21)
    np.testing.assert_array_equal(model(slices), np.arange(21))
    assert seen == [8, 8, 5]


def test_the_sheet_is_labelled_and_the_right_way_up(home, tmp_path):
    """A file whose voxels run to Right, Anterior and Superior, with a mark at the patient's left front."""
    volume = head(5)
    volume[5:9, 28:32] = 80
    volume[..., EMPTY] = -1000
    model = ExportedModel(home[1] / "export")
    model.load()
    found = answer(save(tmp_path / "a.nii", volume, np.diag([3.0, 3, 5, 1])), "a", model, model.settings)
    figure = sheet.sheet(found._replace(warnings=["look out"]))
    profile, *slices = figure.axes
    assert "mm" in profile.get_xlabel() and "probability" in profile.get_ylabel()
    legend = {text.get_text() for text in profile.get_legend().get_texts()}
    assert {"0.5", f"validation threshold, {found.threshold:.3f}", "empty slices, not scored"} <= legend
    assert len(slices) == 4
    order = np.argsort(-found.probability, kind="stable")
    for axes, place in zip(slices, order[:4], strict=True):
        index = found.bag.source_index[place]
        assert f"slice {index}, {found.positions[index]:.1f} mm" in axes.get_title()
        rows, columns = np.nonzero(axes.images[0].get_array() == 80)
        assert rows.max() < SIZE / 2 < columns.min()  # up is anterior, the screen's right is left
        letters = {text.get_text(): text.get_position() for text in axes.texts}
        assert letters["R"][0] < 0.1 < 0.9 < letters["L"][0]
        assert letters["P"][1] < 0.1 < 0.9 < letters["A"][1]
    assert "WARNING: look out" in figure._supxlabel.get_text()


def test_an_aligned_model_aligns_scans_and_answers_in_slices_of_the_file(home, model, tmp_path):
    from preprocessing.phantoms import generate

    template, made = generate(17, 0, 96, False), generate(17, 3, 96, True)
    nib.save(nib.Nifti1Image(template.volume, template.affine), model / "template.nii.gz")
    settings = CtSettings(size=96, align="rigid", template=str(model / "template.nii.gz")).to_dict()
    facts = json.loads((model / "mil_tf.json").read_text())
    facts["preprocessing"]["settings"] = {**settings, "template": "template.nii.gz"}
    (model / "mil_tf.json").write_text(json.dumps(facts))
    nib.save(nib.Nifti1Image(made.volume, made.affine), tmp_path / "scan.nii.gz")
    out = tmp_path / "answers"
    assert predict.main([str(tmp_path / "scan.nii.gz"), "--model", str(model), "--out", str(out), "--maps"]) == 0
    told = json.loads((out / "scan.json").read_text())
    assert told["prepared"]["align"] == "rigid" and np.shape(told["to_scan_mm"]) == (4, 4)
    rows = table(out / "scan.csv")
    assert all(0 <= int(row["scan_slice"]) < made.volume.shape[2] for row in rows)
    top = told["top_slice"]["scan_slice"]
    assert int(table(out / "predictions.csv")[0]["top_scan_slice"]) == top
    found = nib.load(out / "scan_probability.nii.gz").get_fdata()
    assert found.shape == made.volume.shape and found.max() == pytest.approx(told["probability"], rel=1e-6)
    (model / "template.nii.gz").unlink()
    assert predict.main([str(tmp_path / "scan.nii.gz"), "--model", str(model), "--out", str(tmp_path / "b")]) == 2
