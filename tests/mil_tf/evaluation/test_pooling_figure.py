import subprocess
import sys

import numpy as np
import pytest

from mil_tf.evaluation.figures import draw, inline_svg, save
from mil_tf.evaluation.pooling_figure import CLASS_HUES, COLUMNS, DASHES, SHARES, activation, curves, rows
from mil_tf.pooling.names import pooling

THRESHOLDS = {"nucleus": 0.62, "budneck": 1e-6, "golgi": 1 - 1e-6, "actin": 0.3}
NOISY_AND = {"pooling": "noisy_and", "slope": 10.0, "thresholds": THRESHOLDS}
OTHERS = [("max", None), ("mean", None), ("noisy_or", None), ("isr", None), ("generalized_mean", 2.5), ("log_sum_exp", 5)]


def maps(count=8):
    """(count + 1, count, 1): of each bag one position more is 1."""
    return np.tril(np.ones((count + 1, count), np.float32), -1)[..., None]


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize("name, r", OTHERS)
def test_an_activation_is_what_the_layer_answers(name, r):
    layer = pooling(name) if r is None else pooling(name, r=r)
    np.testing.assert_allclose(activation(name, np.arange(9) / 8, r), layer(maps())[:, 0], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("b", [1e-6, 0.02, 0.5, 0.98, 1 - 1e-5])
@pytest.mark.parametrize("a", [5, 7.5, 10, 400])
def test_a_learned_activation_is_what_the_layer_answers(a, b):
    found = activation("noisy_and", np.arange(9) / 8, a, b)
    np.testing.assert_allclose(found, pooling("noisy_and", slope=a, start=b)(maps())[:, 0], rtol=1e-3 if a > 10 else 2e-5, atol=1e-7)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("b", [0, 1, 1e-300, 1 - 2**-53])
@pytest.mark.parametrize("a", [5, 10, 1e4])
def test_a_threshold_at_an_end_has_a_curve_from_zero_to_one(a, b):
    found = activation("noisy_and", SHARES, a, b)
    assert found[0] == 0 and found[-1] == 1 and (np.diff(found) >= 0).all()


@pytest.mark.filterwarnings("error")
def test_classes_stand_right_by_threshold(tmp_path):
    figure = draw(curves, NOISY_AND)
    left, right = figure.axes
    assert labels(right) == ["budneck, b = 1.0e-06", "actin, b = 0.300", "nucleus, b = 0.620", "golgi, b = 1 - 1.0e-06"]
    strong = max(left.lines, key=lambda line: line.get_linewidth())
    assert strong.get_label() == "noisy-AND, a = 10, b = 0.5 (this run)" and len(left.lines) == 10
    np.testing.assert_array_equal(right.lines[2].get_ydata(), activation("noisy_and", SHARES, 10, 0.62))
    save(figure, tmp_path, "pooling")
    assert {path.name for path in tmp_path.iterdir()} == {"pooling.png", "pooling.pdf"}
    assert inline_svg(figure, "pooling").startswith("<svg")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name, r", OTHERS)
def test_another_pooling_is_strong_on_the_left_alone(name, r):
    (axes,) = draw(curves, {"pooling": name, "r": r}).axes
    widths = sorted(line.get_linewidth() for line in axes.lines)
    strong = max(axes.lines, key=lambda line: line.get_linewidth())
    assert widths[-1] > widths[-2] and "(this run" in strong.get_label()
    np.testing.assert_array_equal(strong.get_ydata(), activation(name, SHARES, r))


def test_a_parameter_of_ones_own_has_a_line():
    assert "LSE, r = 8 (this run)" in labels(curves({"pooling": "log_sum_exp", "r": 8}).axes[0])
    assert "mean (GM, r = 1) (this run)" in labels(curves({"pooling": "generalized_mean", "r": 1}).axes[0])
    assert "max, noisy-OR and ISR (this run: ISR)" in labels(curves({"pooling": "isr", "r": None}).axes[0])


def test_seventeen_classes_can_be_told_apart_and_stay_in_the_picture():
    figure = draw(curves, {**NOISY_AND, "thresholds": {f"a class of name {k}": k / 17 for k in range(17)}})
    left, right = figure.axes
    hues = [line.get_color() for line in right.lines]
    assert all(one != next for one, next in zip(hues, hues[1:])) and len(CLASS_HUES) * len(DASHES) >= len(hues) == 17
    for axes in figure.axes:
        box = axes.get_legend().get_window_extent()
        assert box.x1 <= figure.bbox.x1 and box.y0 >= 0
        assert not box.overlaps(axes.get_window_extent())


def test_rows_are_the_points():
    found = rows(NOISY_AND)
    assert len(found) == (10 + 4) * len(SHARES) and {len(row) for row in found} == {len(COLUMNS)}
    classes = [row[2] for row in found if row[2]][:: len(SHARES)]
    assert classes == sorted(THRESHOLDS)
    told = [row for row in found if row[2] == "actin" and row[4] == 0.5]
    assert told == [["noisy_and", 10.0, "actin", 0.3, 0.5, pytest.approx(activation("noisy_and", 0.5, 10, 0.3))]]
    assert len(rows({"pooling": "max", "r": None})) == 10 * len(SHARES)


@pytest.mark.parametrize(
    "told, match", [
        ({"pooling": "attention"}, "Expected the pooling as one of max, mean, .*, isr. Received: 'attention'"),
        ({}, "Received: None"),
        ({"pooling": "log_sum_exp", "r": None}, "Expected `r` of log_sum_exp as a number above 0. Received: None"),
        ({"pooling": "noisy_and", "slope": -1}, "Expected `slope` of noisy_and as a number above 0. Received: -1"),
        ({"pooling": "noisy_and", "slope": 10}, "Expected `thresholds` of noisy_and as {class: b}. Received: None"),
        ({**NOISY_AND, "thresholds": {"actin": 1.2}}, "Expected the threshold of class 'actin' between 0 and 1. Received: 1.2"),
        ({**NOISY_AND, "thresholds": {"actin": float("nan")}}, "Received: nan"),
    ],
)
def test_what_cannot_be_drawn_is_told(told, match):
    for function in (curves, rows):
        with pytest.raises(ValueError, match=match):
            function(told)


@pytest.mark.long
def test_tensorflow_is_not_imported():
    code = "import sys, mil_tf.evaluation.pooling_figure; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
