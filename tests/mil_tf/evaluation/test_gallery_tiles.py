"""Errors on slides: tiles in their colours, from shards as from slides, and where they lie."""

import csv
import json

import numpy as np
import pytest

import evaluate
from mil_tf.evaluation.figures import draw
from mil_tf.evaluation.gallery import build_gallery, told
from mil_tf.evaluation.gallery_views import GALLERY_COLUMNS, gallery_figure, gallery_part, gallery_rows
from mil_tf.evaluation.material import MaterialError
from mil_tf.evaluation.tables import Instances, Predictions
from mil_tf.runs import digest
from preprocessing.__main__ import main
from preprocessing.slides.reader import open_slide
from tests.preprocessing.slides.conftest import save, stained  # noqa: F401
from tfrecords import Dataset, reader

TILE, MPP = 32, 0.25  # of the grid 0.5: a tile's corner lies at twice its pixels
IDS, TRUTH, PROBABILITY = np.array(list("abc")), np.array([1, 0, 0]), np.array([0.2, 0.9, 0.6])


@pytest.fixture
def made(save, tmp_path):  # noqa: F811
    """made(*more) -> a Dataset of the slides a, b and c, with tumour in the middle of a."""
    from skimage.io import imsave

    (tmp_path / "masks").mkdir()
    for seed, id in enumerate(IDS):
        save(f"slides/{id}.tif", stained(400, 300, seed), MPP)
    mask = np.zeros((400, 300), np.uint8)
    mask[128:256, 64:192] = 255
    imsave(tmp_path / "masks" / "a.png", mask, check_contrast=False)
    (tmp_path / "labels.csv").write_text("id,label\na,1\nb,0\nc,0\n")

    def run(*more):
        given = [part for name in ("slides", "masks") for part in (f"--{name}", tmp_path / name)]
        given += ["--labels", tmp_path / "labels.csv", "--out", tmp_path / "data", "--tile", TILE, "--cell", 16]
        options = ["--tissue", "released", "--no-qc", "--jobs", 1, *more]
        assert main([str(part) for part in ("slides", *given, *options)]) == 0
        return Dataset(tmp_path / "data")

    return run


def tables(dataset, top=3):
    """Tables whose most probable tile is the one at `top` of each bag."""
    bags = [reader.read_fields(dataset.folder, row) for row in dataset.rows]
    assert [bag.id for bag in bags] == list(IDS)
    columns = [np.repeat(IDS, [len(bag.source_index) for bag in bags]), *(np.concatenate(column) for column in zip(*(
        (bag.source_index, bag.source_index.astype(float), bag.instance_label[:, 0],
         np.where(np.arange(len(bag.source_index)) == top, probability, 0.01))
        for bag, probability in zip(bags, PROBABILITY))))]
    return bags, Predictions("p.csv", IDS, IDS, TRUTH, PROBABILITY), Instances("i.csv", *columns)


def built(dataset, **given):
    bags, predictions, instances = tables(dataset, **given)
    return bags, build_gallery(predictions, PROBABILITY >= 0.5, [instances], dataset, "this model")


@pytest.mark.parametrize("more", [(), ("--materialise",)])
def test_a_tile_is_shown_as_it_is_in_the_slide(made, more):
    bags, gallery = built(made(*more))
    assert [(error.kind, error.id) for error in gallery.shown] == [
        ("false_positives", "b"), ("false_positives", "c"), ("false_negatives", "a")]
    for error in gallery.shown:
        bag = bags[list(IDS).index(error.id)]
        row, column = bag.coords[3].tolist()
        with open_slide(bag.source_path) as slide:
            np.testing.assert_array_equal(error.picture, slide.grid(0.5).read(row, column, TILE, TILE))
        assert (error.tile.y, error.tile.x, error.position, error.outlines) == (2 * row, 2 * column, None, [])
        assert error.source_index == error.tile.row * (300 // 2 // TILE) + error.tile.column
        assert error.tile.count == len(bag.source_index)


def test_the_words_tell_where_and_how_much_is_positive(made):
    dataset = made()
    bag = reader.read_fields(dataset.folder, dataset.rows[0])
    labels = bag.instance_label[:, 0]
    for truth, said in ((1, "positive"), (0, "negative")):
        top = int(np.flatnonzero(labels == truth)[0])
        error = built(dataset, top=top)[1].of("false_negatives")[0]
        row, column = (bag.coords[top] // TILE).tolist()
        assert told(error) == [
            "a", "slide 0.200, tile 0.200", f"tile {bag.source_index[top]}, truly {said}", f"row {row}, column {column}",
            f"x {2 * column * TILE}, y {2 * row * TILE}", f"{(labels == 1).sum()} of {len(labels)} tiles positive"]
    assert len(told(built(dataset)[1].shown[0])) == 5  # nothing is positive there


def test_page_figure_and_table_show_tiles(made):
    gallery = built(made())[1]
    page = gallery_part(gallery)
    assert page.count("data:image/jpeg;base64,") == 3 and "slice" not in page
    assert "Slides that this model call wrongly at 0.5, each at its most probable tile" in page
    assert "about 0.5 micrometres a pixel, 16 across, in the colours of the slide" in page
    figure = draw(gallery_figure, gallery, "false_positives")
    assert [np.shape(image.get_array()) for image in figure.axes[0].images] == [(TILE, TILE, 3)] * 2
    assert {row[GALLERY_COLUMNS.index("position_mm")] for row in gallery_rows(gallery)} == {None}


def test_a_slide_that_is_gone_is_said_in_one_line(made, tmp_path):
    dataset = made()
    (tmp_path / "slides" / "b.tif").unlink()
    with pytest.raises(MaterialError, match=r"^bag b: Expected its slide of \d+ bytes at .*b.tif. Received: none there.$"):
        built(dataset)


def write_run(folder, dataset):
    """Writes a run on slides, without maps."""
    _, predictions, instances = tables(dataset)
    folder.mkdir(parents=True)
    for name in ("validation", "test"):
        rows = zip(predictions.id, predictions.patient, predictions.y_true, predictions.y_prob)
        write(folder / f"predictions-{name}.csv", ("id", "patient", "y_true", "y_prob"), rows)
        rows = zip(instances.id, instances.id, instances.source_index, instances.position, instances.y_true, instances.y_prob)
        columns = ("id", "patient", "source_index", "position_mm", "y_true", "y_prob")
        write(folder / f"instances-{name}.csv", columns, [["" if value == -1 else value for value in row] for row in rows])
    config = {"recipe": "lerousseau2020", "bags": 3, "fold": 0, "seed": int(folder.name[-1]),
              "preprocessing": dataset.info["preprocessing"],
              "data": {"folder": str(dataset.folder), "shards": digest(dataset.info["shards"])}}
    (folder / "config.json").write_text(json.dumps(config))


def write(path, columns, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


@pytest.fixture
def runs(made, tmp_path):
    """Two seeds of a run."""
    dataset = made()
    for seed in range(2):
        write_run(tmp_path / "runs" / "lerousseau2020" / "bags-3" / "fold-0" / f"seed-{seed}", dataset)
    return tmp_path / "runs"


@pytest.mark.long
def test_no_page_of_slides_speaks_of_slices(runs, monkeypatch, capsys):
    saved = []
    monkeypatch.setattr("mil_tf.evaluation.figures.save", lambda figure, folder, name: saved.append(name))
    assert evaluate.main([str(runs), "--resamples", "20", "--workers", "1"]) == 0
    pages = [page.read_text(encoding="utf-8") for page in runs.rglob("report.html")]
    assert len(pages) == 3 and all("data:image/jpeg;base64," in page and "A bag is a slide" in page for page in pages)
    texts = [capsys.readouterr().out, *pages]
    for word in ("slice", "trivial", "HU", "volume", "mm to"):
        assert not any(word in text for text in texts)
    assert "profiles" not in saved and saved.count("false_negatives") == 3
    for path in runs.rglob("seed-*/evaluation/metrics.json"):
        found = json.loads(path.read_text())["cohorts"]["test"]
        assert found["slices"] is None and list(found["baselines"]) == ["mean_pooling"]
