"""The sheet of a model that says where it looked."""

import numpy as np
import pytest

from mil_tf.localization.peaks import resized
from mil_tf.prediction import sheet


@pytest.mark.parametrize("pooling, told", [("max", "likelihood of bleeding"), ("attention", "of the slice's\nhighest")])
def test_the_sheet_shows_where_the_model_looked(found, pooling, told):
    figure, size = sheet.sheet(found._replace(pooling=pooling)), found.bag.instances.shape[1]
    _, *slices, bar = figure.axes
    assert told in bar.get_ylabel() and f"{len(found.points)} in the scan" in figure.get_suptitle()
    order = np.argsort(-found.probability, kind="stable")[:4]
    for axes, place in zip(slices, order, strict=True):
        under, over = axes.images
        assert under.get_extent() == over.get_extent() and axes.get_xlim() == (-0.5, size - 0.5)
        crosses = {(line.get_ydata()[0], line.get_xdata()[0]) for line in axes.lines}
        assert crosses == {(point.row, point.column) for point in found.points if point.place == place}
        np.testing.assert_array_equal(over.get_array(), resized(found.maps[place], (size, size)))
        clear = over.to_rgba(over.get_array())[..., 3]
        assert clear.min() < 0.1 < 0.5 < clear.max() < 0.6
