"""The method of lerousseau2020, whole runs on slides of seconds: what it learns from, writes, refuses, and goes on with."""

import json

import numpy as np
import pytest
import tensorflow as tf

import train
from mil_tf.inference import predict_dataset
from mil_tf.prediction.dense import dense_map
from mil_tf.prediction.slide_answer import with_tissue
from mil_tf.sources import source_of
from mil_tf.training.loop import Loop
from preprocessing.__main__ import main
from preprocessing.slides.cells import Cells
from tests.preprocessing.slides.conftest import picture, stained
from tests.runs import elsewhere, rows
from tfrecords import Dataset

pytest.importorskip("openslide")
OPTIONS = "backbone=resnet10 width=4 stem=half patches=8 max_epochs=2 image_every=1 learning_rate=0.001 statistics=mixture".split()
COUNT, TILE, CELL = 14, 32, 8
TRAINED = 10


def slide(number):
    """(pixels, mask): every second slide has a square of noise in its tissue."""
    pixels, mask = stained(200, 260, number), np.zeros((200, 260), np.uint8)
    if number % 2:
        pixels[64:128, 64:160], mask[64:128, 64:160] = picture(64, 96, number), 255
    return pixels, mask


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import tifffile
    from skimage.io import imsave

    found = tmp_path_factory.mktemp("tiles")
    (found / "slides").mkdir(), (found / "masks").mkdir()
    for number in range(COUNT):
        pixels, mask = slide(number)
        tifffile.imwrite(found / "slides" / f"s{number:02}.tif", pixels, tile=(64, 64), metadata=None,
                         resolution=(20000, 20000), resolutionunit="CENTIMETER")
        imsave(found / "masks" / f"s{number:02}.png", mask, check_contrast=False)
    rows = [f"s{number:02},{number % 2},p{number:02}" for number in range(COUNT)]
    (found / "labels.csv").write_text("\n".join(["id,label,patient", *rows]) + "\n")
    return found


def preprocessed(folder, name, *more):
    told = {"--slides": "slides", "--labels": "labels.csv", "--masks": "masks", "--out": name}
    given = [str(part) for flag, value in told.items() for part in (flag, folder / value)]
    options = ["--tile", str(TILE), "--cell", str(CELL), "--tissue", "released", "--no-qc", "--jobs", "1", *more]
    assert main(["slides", *given, *options]) == 0
    shares = ["--test-fraction", "0.2", "--validation-fraction", "0.2"]
    assert main(["split", "--data", str(folder / name), "--whole", *shares]) == 0
    return folder / name


@pytest.fixture(scope="module")
def slides(folder):
    """Bags that say where in the slides their tiles are."""
    return preprocessed(folder, "data")


def trained(data, out, *more, options=OPTIONS):
    code = train.main(["--recipe", "lerousseau2020", "--data", str(data), "--out", str(out), "--set", *options, *more])
    return code, out / "lerousseau2020" / f"bags-{TRAINED}" / "fold-0" / "seed-0"


@pytest.fixture(scope="module")
def run(slides, tmp_path_factory):
    code, found = trained(slides, tmp_path_factory.mktemp("runs"))
    assert code == 0
    return found


def test_a_run_leaves_maps_of_its_test_slides(run, slides):
    table = rows(run / "predictions-test.csv")
    files = sorted((run / "maps-test").iterdir())
    assert len(files) == len(table) == 2 and {row["id"] for row in table} == {path.stem for path in files}
    found = np.load(files[0])
    assert found["logit"].shape == (13, 17) and found["logit"].dtype == np.float32 and found["stride"] == 16
    source = source_of(Dataset(slides), [row for row in Dataset(slides).rows if row.id == files[0].stem])
    np.testing.assert_array_equal(np.isfinite(found["logit"]), with_tissue(source.cells(0), 16, (200, 260)))


def test_the_export_says_how_slides_become_maps_and_makes_the_runs_own(run, slides):
    told = json.loads((run / "export" / "mil_tf.json").read_text())
    tiles = told["tiles"]
    assert {name: tiles[name] for name in ("tile", "mpp", "stride", "cell", "tissue", "map")} == {
        "tile": TILE, "mpp": 0.5, "stride": 16, "cell": CELL, "tissue": "released", "map": "tile",
    }
    assert tiles["margin"] % 16 == 0 and tiles["threshold"] == told["threshold"]
    maps = tf.saved_model.load(str(run / "export")).signatures["maps"]
    dataset = Dataset(slides)
    source = source_of(dataset, dataset.splits(0)["test"])
    for position in range(len(source)):
        grid = source.grid(position)
        found = dense_map(lambda x: maps(images=tf.constant(x))["logit"].numpy(), grid.read, grid.shape, 16,
                          tiles["margin"], wanted=with_tissue(source.cells(position), 16, grid.shape))
        kept = np.load(run / "maps-test" / f"{source.ids[position]}.npz")["logit"]
        np.testing.assert_allclose(found, kept, rtol=1e-4, atol=1e-5)


def test_every_epoch_visits_each_training_slide_once(run):
    progress, history = json.loads((run / "config.json").read_text()), rows(run / "history.csv")
    assert len(history) == 2 and progress["start"] == "random"
    assert len(rows(run / "bags.csv")) == TRAINED


@pytest.fixture(scope="module")
def copied(folder):
    """Bags that hold their tiles."""
    return preprocessed(folder, "copied", "--materialise")


@pytest.mark.long
def test_tiles_of_slides_and_of_shards_train_the_same_model(run, copied, tmp_path, bits):
    code, again = trained(copied, tmp_path)
    assert code == 0
    assert (again / "history.csv").read_bytes() == (run / "history.csv").read_bytes()
    for path in sorted((run / "maps-test").iterdir()):
        np.testing.assert_array_equal(np.load(path)["logit"], np.load(again / "maps-test" / path.name)["logit"])


@pytest.mark.long
def test_a_run_that_was_stopped_within_an_epoch_ends_as_one_that_never_was(run, slides, tmp_path, monkeypatch, bits):
    step, steps = Loop._step, []

    def killed(self, state, window):
        step(self, state, window)
        steps.append(state.step)
        if len(steps) == TRAINED + 3:  # within the second epoch, whose averages are set already
            raise KeyboardInterrupt

    monkeypatch.setattr(Loop, "_step", killed)
    assert trained(slides, tmp_path)[0] == 130
    monkeypatch.undo()
    again = ["--recipe", "lerousseau2020", "--data", str(slides), "--out", str(tmp_path), "--resume", "--set", *OPTIONS]
    assert train.main(again) == 0
    second = tmp_path / run.relative_to(run.parents[3])
    assert bits(run) == bits(second)
    for path in (run / "maps-test").iterdir():
        np.testing.assert_array_equal(np.load(path)["logit"], np.load(second / "maps-test" / path.name)["logit"])


@pytest.mark.long
def test_fewer_patches_in_memory_and_the_papers_variant_run_too(slides, tmp_path):
    given = ["--recipe", "lerousseau2020", "--data", str(slides), "--variant", "paper", "--patches-in-memory", "3"]
    assert train.main([*given, "--out", str(tmp_path), "--set", *OPTIONS[:-1], "max_epochs=1"]) == 0
    config = json.loads(next(tmp_path.rglob("config.json")).read_text())
    assert config["options"]["patches_in_memory"] == 3 and config["options"]["statistics"] == "slide"


def test_another_cohort_gets_its_maps_whether_it_holds_tiles_or_not(run, copied, tmp_path):
    copy = elsewhere(run, tmp_path / "run")
    predict_dataset(copy, copied, "other")
    assert len(rows(copy / "predictions-other.csv")) == COUNT == len(list((copy / "maps-other").iterdir()))
    for path in (run / "maps-test").iterdir():
        found = np.load(copy / "maps-other" / path.name)["logit"]
        np.testing.assert_allclose(found, np.load(path)["logit"], rtol=1e-4, atol=1e-5)


def test_a_slide_that_is_gone_is_mapped_by_its_tiles(run, folder, copied, tmp_path, capsys):
    copy = elsewhere(run, tmp_path / "run")
    (folder / "slides").rename(folder / "moved")
    try:
        predict_dataset(copy, copied, "other")
    finally:
        (folder / "moved").rename(folder / "slides")
    assert "s00: its slide is not there; maps are made of the bags' own tiles" in capsys.readouterr().out
    dataset = Dataset(copied)
    source = source_of(dataset, dataset.rows)
    scores = {row["source_index"]: float(row["y_prob"]) for row in rows(copy / "instances-other.csv") if row["id"] == "s01"}
    found, corners = np.load(copy / "maps-other" / "s01.npz")["logit"], source.fields(1).coords
    assert np.isfinite(found).sum() == 4 * source.counts[1]
    for index, (row, column) in zip(source.source_index(1), corners // 16):
        logit = found[row : row + 2, column : column + 2].mean()
        assert 1 / (1 + np.exp(-logit)) == pytest.approx(scores[str(index)], rel=1e-4)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["alpha=0.6", "beta=0.6"], "--set alpha, beta: Expected alpha above 0, beta of at least 0 and alpha + beta of"),
        (["alpha=0.1"], "--set alpha: Expected at least 1 / patches"),
        (["start=weights.h5"], "--set start: Expected backbone=resnet50, whose weights it has. Received: resnet10."),
        (["backbone=resnet50", "start=none.h5"], "--set start: Expected a file of ResNet-50's weights"),
        (["statistics=bag"], "--set statistics: Expected one of ('mixture', 'slide'). Received: 'bag'."),
        (["augmentation=all"], "--set augmentation: Expected one of"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(slides, tmp_path, capsys, given, told):
    assert trained(slides, tmp_path / "runs", *given)[0] == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and told in error
    assert not (tmp_path / "runs").exists()


def test_bags_of_head_cts_are_refused(tiny_data, tmp_path, capsys):
    assert train.main(["--recipe", "lerousseau2020", "--data", str(tiny_data), "--out", str(tmp_path / "runs")]) == 2
    assert "Expected tiles of red, green and blue, of `python -m preprocessing slides`. Received: 1 channels." in (
        capsys.readouterr().err
    )


def test_a_tile_that_is_no_whole_number_of_positions_is_refused(folder, tmp_path, capsys):
    data = preprocessed(folder, "uneven", "--tile", "40")
    assert trained(data, tmp_path / "runs")[0] == 2
    told = "--set backbone, stem: Expected a network whose stride divides tiles of 40 pixels. Received: a stride of 16."
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(("stride", "cell"), [(32, 32), (32, 8), (8, 32), (24, 16), (16, 24)])
def test_positions_are_wanted_where_a_cell_that_they_touch_has_tissue(stride, cell):
    shape = (200, 260)
    rng = np.random.default_rng(0)
    tissue = (rng.random((-(-200 // cell), -(-260 // cell))) < 0.2).astype(np.uint16)
    pixels = np.kron(tissue, np.ones((cell, cell)))[: shape[0], : shape[1]] > 0
    expected = [
        [pixels[row : row + stride, column : column + stride].any() for column in range(0, shape[1], stride)]
        for row in range(0, shape[0], stride)
    ]
    np.testing.assert_array_equal(with_tissue(Cells(cell, tissue, tissue), stride, shape), expected)
