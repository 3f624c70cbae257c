import matplotlib
import numpy as np
import pytest

from mil_tf.evaluation.figures import draw, inline_svg
from mil_tf.evaluation.map_figure import FALSE, HIT, Shown, map_figure, shown, write_map_figure
from mil_tf.localization.detector import Detector
from mil_tf.localization.located import points_of
from tfrecords import Bag

BOXES = np.array([[4, 4, 12, 12], [20, 2, 28, 10.0]])


def record(boxes=BOXES, points=((8, 8), (30, 30)), title="a slice"):
    rng, points = np.random.default_rng(0), np.reshape(points, (-1, 2)).astype(int)
    in_box = ((points == 8).all(axis=1)).astype(int)
    return Shown(rng.normal(40, 30, (32, 36)).astype(np.float16), rng.random((8, 9)), boxes, points, in_box, title)


def panels(figure):
    return [axes for axes in figure.axes if axes.images]


def crosses(axes):
    """{(marker, colour): {(row, column)}}"""
    return {(line.get_marker(), line.get_color()): set(zip(line.get_ydata(), line.get_xdata())) for line in axes.lines}


def test_every_slice_stands_beside_its_map():
    figure = draw(map_figure, [record(title=f"slice {k}") for k in range(3)], "the rule")
    found = panels(figure)
    assert [len(axes.images) for axes in found] == [1, 2] * 3
    assert [axes.get_title(loc="left") for axes in found[::2]] == ["slice 0", "slice 1", "slice 2"]
    assert "the rule" in [text.get_text() for text in figure.texts]
    overlay = found[1].images[1]
    assert overlay.get_array().shape == (32, 36) and overlay.get_clim() == (0, 1)


def test_points_and_boxes_say_in_shape_and_colour_what_they_are():
    for axes in panels(draw(map_figure, [record()], "")):
        assert crosses(axes) == {("+", HIT): {(8, 8)}, ("x", FALSE): {(30, 30)}}
        found, missed = axes.patches
        assert found.get_bbox().extents.tolist() == [4, 4, 12, 12] and found.get_linestyle() == "-"
        assert missed.get_bbox().extents.tolist() == [2, 20, 10, 28] and missed.get_linestyle() != "-"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("boxes", [None, np.empty((0, 4))])
def test_a_slice_may_have_no_box_and_no_point(boxes):
    for axes in panels(draw(map_figure, [record(boxes=boxes, points=[])], "")):
        assert not axes.patches and not any(map(len, crosses(axes).values()))


@pytest.mark.parametrize("count", [1, 2, 6])
def test_it_is_written_as_files_and_stands_in_a_page(tmp_path, count):
    figure = write_map_figure(tmp_path, [record()] * count, "the rule")
    assert {path.name for path in tmp_path.iterdir()} == {"maps.png", "maps.pdf"}
    svg = inline_svg(figure, "maps")
    assert svg.startswith("<svg") and "data:image/png;base64" in svg and "http" not in svg


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="Expected at least one slice to draw. Received: none"):
        map_figure([], "")


@pytest.mark.parametrize("pooling", ["max", "attention"])
def test_what_is_shown_of_a_slice_is_what_its_tables_have(pooling):
    rng, detector = np.random.default_rng(0), Detector(0, -np.inf, 3)
    bag = Bag("s/1", "p", [1], rng.normal(40, 30, (1, 32, 36, 1)).astype(np.float16), [1], box_class=[0, 0],
              boxes=np.c_[[0, 0], BOXES], box_drawn=[1, 1])
    positions = rng.random((8, 9))
    found = shown(bag, positions, 0.7, "a slice", pooling, detector)
    np.testing.assert_array_equal(found.points, points_of(positions, (32, 36), 0.7, detector)[0])
    assert found.in_box.any() and not found.in_box.all() and found.image.shape == (32, 36)
    assert 0 <= found.likelihood.min() and found.likelihood.max() <= 1 and found.boxes.tolist() == BOXES.tolist()
    assert not len(shown(bag, positions, 0.4, "", pooling, detector, only_positive=True).points)


def test_nothing_is_left_in_the_callers_style():
    before = dict(matplotlib.rcParams)
    draw(map_figure, [record()], "")
    assert dict(matplotlib.rcParams) == before
