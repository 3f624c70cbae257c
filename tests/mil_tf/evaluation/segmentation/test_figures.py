import matplotlib
import numpy as np
import pytest

from mil_tf.evaluation import figures
from mil_tf.evaluation.segmentation.figures import ROWS, box_figure, overlay_figure
from mil_tf.evaluation.segmentation.scores import score_segmentations
from mil_tf.evaluation.segmentation.writing import write, write_overlays
from tests.mil_tf.evaluation.segmentation.made import rows


def head(shape=(40, 30)):
    hu = np.full(shape, -1000.0)
    hu[5:35, 5:25] = 35
    return hu


def mask(rows, columns, shape=(40, 30)):
    found = np.zeros(shape, np.uint8)
    found[rows, columns] = 3
    return found


def test_a_panel_a_metric_and_a_point_a_case():
    scores = score_segmentations(rows())
    drawn = box_figure(scores)
    assert [axes.get_title() for axes in drawn.axes] == ["Dice", "IoU", "precision", "recall"]
    points = [line for line in drawn.axes[0].lines if line.get_marker() == "o"]
    assert [len(line.get_ydata()) for line in points] == [8, 8, 8, 8]  # before and after, of two data sets
    np.testing.assert_allclose(points[1].get_ydata(), scores.parts[0].cases.values[1, 0])
    medians = [line.get_ydata()[0] for line in drawn.axes[0].lines if line.get_color() == figures.INK]
    assert medians[1] == pytest.approx(scores.parts[0].summaries["after"]["dice"].median)


def test_a_type_that_no_data_set_has():
    with pytest.raises(ValueError, match="one of any, epidural, subdural. Received: type='chronic'"):
        box_figure(score_segmentations(rows()), "chronic")


def test_three_rows_of_outlines_in_the_papers_colours():
    masks = [[mask(np.s_[10:20], np.s_[8:18])], [mask(np.s_[10:12], np.s_[8:18])], [np.zeros((40, 30))]]
    drawn = overlay_figure([head()], *masks, ["slice 7"], [(1.0, 1.0)])
    colours = [[line.get_color() for line in axes.lines if line.get_color() != "white"] for axes in drawn.axes]
    truth, before, _ = ROWS.values()
    assert colours == [[truth], [before], []]
    line = drawn.axes[0].lines[0].get_xydata()
    assert (line.min(axis=0) == [7.5, 9.5]).all() and (line.max(axis=0) == [17.5, 19.5]).all()  # column, row
    assert drawn.axes[0].get_xlim() == (4.5, 24.5) and drawn.axes[0].get_ylim() == (34.5, 4.5)  # the air is cut away
    assert [axes.get_ylabel() for axes in drawn.axes] == list(ROWS)


@pytest.mark.parametrize("pixel, length, told", [(1.0, 5, "5 mm"), (4.0, 5, "20 mm"), (8.0, 50 / 8, "50 mm")])
def test_the_scale_bar_is_as_long_as_it_says(pixel, length, told):
    masks = [[mask(np.s_[10:20], np.s_[8:18])]] * 3
    axes = overlay_figure([head()], *masks, [""], [(pixel, pixel)]).axes[-1]
    bar = next(line for line in axes.lines if line.get_color() == "white").get_xdata()
    assert bar[1] - bar[0] == pytest.approx(length) and axes.texts[0].get_text() == told


def test_lists_of_different_lengths():
    with pytest.raises(ValueError, match="Received: 1, 1, 0, 1, 1"):
        overlay_figure([head()], [head()], [], [head()], [""])


def test_all_files_are_written_and_open(tmp_path):
    parts = write(tmp_path, score_segmentations(rows()))
    masks = [[mask(np.s_[10:20], np.s_[8:18])]] * 3
    write_overlays(tmp_path, [head()], *masks, ["slice 7"])
    found = {path.name for path in tmp_path.iterdir()}
    stems = ("segmentation_boxes", "segmentation_overlays")
    assert found == {f"{stem}.{kind}" for stem in stems for kind in ("png", "pdf", "svg")} | {
        "segmentation.csv", "segmentation-cases.csv", "segmentation.html"}
    assert matplotlib.image.imread(tmp_path / "segmentation_boxes.png").ndim == 3
    assert "<svg" in (tmp_path / "segmentation.html").read_text(encoding="utf-8") and parts[0].startswith("<h2>")
