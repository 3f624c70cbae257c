"""Cells of a cohort's fields, by a network that has learned nothing, whose tables and pictures are there all the same."""


import keras
import numpy as np
import pytest

from mil_tf.evaluation.cell_overlap import read_segmentations
from mil_tf.localization.jacobian import JacobianMapper
from mil_tf.localization.segmented import segment, true_class
from mil_tf.models.conv_mil import conv_mil
from mil_tf.sources import source_of
from mil_tf.training.field_maps import evenly, examples, write_maps
from mil_tf.training.field_scoring import FieldScorer
from tests.fields import CLASSES, write_fields
from tests.runs import rows
from tfrecords import Dataset

COUNT = 4


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """(source of nine fields, model, its scorer)."""
    dataset = Dataset(write_fields(tmp_path_factory.mktemp("fields") / "data", count=9))
    keras.utils.set_random_seed(0)
    model = conv_mil(3, 2, (0.2, 0.2), (0.1, 0.1), widths=(4, 4, 4, 4, 4, 8), first_stride=1)
    return source_of(dataset, dataset.rows), model, FieldScorer(model, 33)


@pytest.fixture(scope="module")
def written(parts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "maps-test").mkdir()
    (folder / "maps-test" / "stale.png").write_bytes(b"")
    write_maps(folder, "test", *parts, CLASSES, COUNT)
    return folder


def test_tables_are_those_of_evenly_taken_fields_with_their_truth(parts, written):
    source, model, _ = parts
    table = read_segmentations(written / "segmentation-test.csv")
    chosen = evenly(len(source), COUNT)
    assert table.id.tolist() == [source.ids[place] for place in chosen]
    mapper, place = JacobianMapper(model), chosen[1]
    found, truth = segment(mapper, source.image(place).astype(np.float32)), source.mask(place)[0]
    both, either = (np.count_nonzero(how(found.found.mask, truth > 0)) for how in (np.logical_and, np.logical_or))
    expected = both / either
    assert table.overlaps["iu_truth"][1] == pytest.approx(expected, abs=1e-5)
    assert (table.overlaps["iu_otsu_truth"] > 0.5).all()  # dots and rings are but a part of their cells
    regions = [row for row in rows(written / "regions-test.csv") if row["id"] == source.ids[place]]
    assert [(row["class"], row["y_class"]) for row in regions] == [
        (CLASSES[one.label], true_class(found.labels == one.number, truth, CLASSES)) for one in found.regions]


def test_pictures_are_of_the_likeliest_field_of_each_class(parts, written):
    source, model, scorer = parts
    drawn = rows(written / "maps-test" / "drawn.csv")
    assert {path.name for path in (written / "maps-test").glob("*.png")} == {row["file"] for row in drawn}
    chosen = evenly(len(source), COUNT)
    found = scorer(source, chosen).probabilities
    for row in drawn:
        mine = found[[source.ids[place] for place in chosen].index(row["id"])]
        assert row["likeliest"] == CLASSES[int(mine.argmax())]
        assert float(row["probability"]) == pytest.approx(mine.max(), abs=1e-5)
    assert {row["classes"] for row in drawn} == {CLASSES[int(source.labels[place].argmax())] for place in chosen}


@pytest.mark.long
def test_again_it_writes_the_same_bytes(parts, written, tmp_path):
    write_maps(tmp_path, "test", *parts, CLASSES, COUNT)
    files = sorted(path.relative_to(written) for path in written.rglob("*") if path.is_file())
    assert len(files) > 4
    for path in files:
        assert (tmp_path / path).read_bytes() == (written / path).read_bytes()


def test_evenly_taken():
    assert evenly(9, 4) == [0, 2, 5, 8] and evenly(3, 50) == [0, 1, 2] and evenly(5, 1) == [0]


def test_examples_are_the_likeliest_of_those_that_have_the_class():
    labels = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0]])
    probabilities = np.array([[0.2, 0.9, 0.3], [0.8, 0.6, 0.3], [0.9, 0.5, 0.3]])
    assert examples(labels, probabilities) == [1]  # of both classes; of the third there is none
    assert examples(labels, probabilities[::-1]) == [0, 2] and examples(labels, probabilities[::-1], 1) == [0]
