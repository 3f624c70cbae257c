"""Errors looked up in the data: which, in what order, at which slice, with the lesion's outline where it lies."""

import re

import numpy as np
import pytest

from mil_tf.evaluation.figures import draw
from mil_tf.evaluation.gallery import build_gallery, find_errors, outlines, told
from mil_tf.evaluation.gallery_views import gallery_figure, gallery_part, gallery_rows, heading
from mil_tf.evaluation.material import MaterialError, find_material
from mil_tf.evaluation.tables import Instances, Predictions
from mil_tf.runs import digest
from tfrecords import Bag, Dataset

SIZE, COUNT = 16, 4


@pytest.fixture
def dataset(write_dataset):
    """Four bags: slice `source_index` has the value 10 * source_index HU; slice 2 of a and b holds a lesion."""
    bags = []
    for number, id in enumerate("abcd"):
        order = np.random.default_rng(number).permutation(COUNT)
        pixels = np.broadcast_to(10.0 * order[:, None, None, None], (COUNT, SIZE, SIZE, 1)).astype(np.float16)
        mask = np.zeros((COUNT, SIZE, SIZE), np.uint8)
        if id in "ab":
            mask[list(order).index(2), 4:8, 6:12] = 1
        bags.append(Bag(id, f"p-{id}", [int(id in "ab")], pixels, order, mask=mask, spacing=[1.0, 2.0, 5.0]))
    return Dataset(write_dataset(bags, info={"classes": ["positive"], "preprocessing": {"kind": "ct"}}))


def tables(probability=(0.1, 0.4, 0.9, 0.6), top=2):
    ids = np.array(list("abcd"))
    predictions = Predictions("p.csv", ids, np.char.add("p-", ids), np.array([1, 1, 0, 0]), np.array(probability))
    slices = np.where(np.tile(np.arange(COUNT), 4) == top, np.repeat(probability, COUNT), 0.01)
    instances = Instances("i.csv", np.repeat(ids, COUNT), np.tile(np.arange(COUNT), 4), np.tile(5.0 * np.arange(COUNT), 4),
                          np.full(4 * COUNT, -1), slices)
    return predictions, instances


def build(dataset, **given):
    predictions, instances = tables(**given)
    return build_gallery(predictions, predictions.y_prob >= 0.5, [instances], dataset, "the model")


def test_errors_come_worst_first():
    found = find_errors([1, 1, 0, 0, 1, 0], np.array([0.4, 0.1, 0.6, 0.9, 0.8, 0.2]), [0, 0, 1, 1, 1, 0])
    assert found == {"false_positives": [3, 2], "false_negatives": [1, 0]}


def test_each_error_is_shown_at_its_most_probable_slice(dataset):
    gallery = build(dataset, top=3)
    assert [(error.kind, error.id) for error in gallery.shown] == [
        ("false_positives", "c"), ("false_positives", "d"), ("false_negatives", "a"), ("false_negatives", "b")]
    first = gallery.shown[0]
    assert (first.probability, first.source_index, first.slice_probability, first.position) == (0.9, 3, 0.9, 15.0)
    # 30 HU lie three eighths of the way up the window of 0 to 80 HU.
    assert set(first.picture.ravel()) == {int(255 * 30 / 80)}
    assert "level 40 HU, width 80 HU" in first.window


def test_slices_are_averaged_over_models(dataset):
    predictions, one = tables(top=1)
    _, other = tables(top=2, probability=(0.9, 0.9, 1.0, 0.9))
    gallery = build_gallery(predictions, predictions.y_prob >= 0.5, [one, other], dataset, "both")
    assert gallery.shown[0].source_index == 2
    assert gallery.shown[0].slice_probability == pytest.approx((1.0 + 0.01) / 2)


def test_lesions_are_outlined_where_they_are_and_their_slices_named(dataset):
    at, beside = build(dataset, top=2).of("false_negatives")[0], build(dataset, top=0).of("false_negatives")[0]
    assert len(at.outlines) == 1
    columns, rows = at.outlines[0].T
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (5.5, 11.5, 3.5, 7.5)
    assert (beside.outlines, beside.lesion) == ([], [2])
    assert told(beside)[-1] == "lesion on slice 2"


def test_an_outline_at_the_edge_is_closed():
    mask = np.zeros((5, 5), bool)
    mask[0, 2:] = True
    (line,) = outlines(mask)
    assert (line[0] == line[-1]).all()


def test_no_more_than_asked_for_and_the_count_of_all(dataset):
    predictions, instances = tables()
    gallery = build_gallery(predictions, predictions.y_prob >= 0.5, [instances], dataset, "x", most=1)
    assert [error.id for error in gallery.shown] == ["c", "a"]
    assert heading(gallery, "false_positives") == "False positives: 2, of which the 1 worst"


def test_a_table_of_other_bags_is_refused(dataset):
    predictions, instances = tables()
    with pytest.raises(MaterialError, match="Bag"):
        build_gallery(Predictions("p", np.array(list("abcx")), predictions.patient, predictions.y_true, predictions.y_prob),
                      predictions.y_prob >= 0.5, [instances], dataset, "x")
    with pytest.raises(MaterialError, match="no slice 11"):
        build_gallery(predictions, predictions.y_prob >= 0.5,
                      [Instances("i", instances.id, instances.source_index + 9, instances.position, instances.y_true,
                                 instances.y_prob)], dataset, "x")


def test_the_page_holds_the_pictures_and_says_what_they_are(dataset):
    page = gallery_part(build(dataset))
    assert page.count("data:image/png;base64,") == 4
    assert page.count('class="lesion"') == 2
    assert 'viewBox="0 0 16 32"' in page
    assert re.search(r"<b>c</b><br>bag 0.900, slice 0.900<br>slice 2 at 10.0 mm", page)
    assert "cannot be shown: it &lt;is&gt; away" in gallery_part("it <is> away")


def test_without_errors_it_says_so(dataset):
    gallery = build(dataset, probability=(0.9, 0.8, 0.1, 0.2))
    assert "No false positives" in gallery_part(gallery)
    assert gallery_rows(gallery) == []


def test_figure_and_table_show_the_same(dataset):
    gallery = build(dataset)
    figure = draw(gallery_figure, gallery, "false_negatives")
    assert len(figure.axes[0].images) == 2
    assert [row[1] for row in gallery_rows(gallery)] == ["c", "d", "a", "b"]


def test_values_that_are_no_hu_are_scaled_to_the_slice(write_dataset, make_bag):
    bag = make_bag("a", n=COUNT, size=SIZE, label=1)
    gallery = build(Dataset(write_dataset([bag, *(make_bag(id, n=COUNT, size=SIZE, label=0) for id in "bcd")])))
    assert "percentiles 1 to 99" in gallery.shown[0].window
    assert (gallery.shown[0].picture.min(), gallery.shown[0].picture.max()) == (0, 255)
    assert gallery.shown[0].outlines == []


def test_data_is_found_by_its_shards_wherever_it_lies(dataset, tmp_path, monkeypatch):
    noted = {"folder": dataset.folder.name, "shards": digest(dataset.info["shards"])}
    run = tmp_path / "runs" / "deep"
    run.mkdir(parents=True)
    assert find_material(run, {"data": noted}).folder.samefile(dataset.folder)
    monkeypatch.chdir(tmp_path / "runs")
    assert find_material("deep", {"data": noted}).folder.samefile(dataset.folder)


@pytest.mark.parametrize(("data", "said"), [
    ({}, "names no data folder"), ({"folder": "nowhere", "shards": "0"}, "not to be found from here"),
    ({"folder": "data", "shards": "0"}, "holds other bags now"),
])
def test_data_that_is_not_there_is_said(dataset, tmp_path, data, said):
    with pytest.raises(MaterialError, match=said):
        find_material(tmp_path / "run", {"data": data})
    with pytest.raises(MaterialError, match="Expected a folder with"):
        find_material(tmp_path / "run", {"data": data}, tmp_path / "none")
