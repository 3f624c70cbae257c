import io

import numpy as np
import pytest

from preprocessing.fields.picture import COLOURS, colours, composite, drawn, place
from tfrecords import Bag


@pytest.mark.parametrize("channels, expected", [
    (["DAPI", "Tubulin", "Actin"], ["blue", "green", "red"]), (["GFP"], ["grey"]), (["a", "b"], ["red", "green"]),
    (["GFP", "protein", "x"], ["green", "red", "blue"]), ([f"c{k}" for k in range(9)], [*COLOURS, "grey", "grey"]),
])
def test_stains_have_their_usual_colours_and_no_two_the_same(channels, expected):
    assert colours(channels) == expected


def test_a_channel_is_stretched_and_shown_in_its_colour():
    image = np.zeros((100, 100, 2), np.float16)
    image[..., 0] = np.linspace(0.01, 0.02, 100)[:, None]
    image[10:20, 10:20, 1] = 0.5
    found = composite(image, [(1, 0, 0), (0, 0, 1)])
    assert found[0, 50].tolist() == [0, 0, 0] and found[-1, 50].tolist() == [1, 0, 0] and 0.4 < found[50, 50, 0] < 0.6
    assert found[15, 15, 2] == 1 and found[..., 1].max() == 0
    assert np.isfinite(composite(np.zeros((5, 5, 1), np.float16), [(1, 1, 1)])).all()


def test_a_picture_shows_where_the_cells_are():
    from PIL import Image

    random = np.random.default_rng(0)
    bag = Bag(id="P_B02_s1", patient="P_B02", label=[0, 1], source_index=[0], points=[[0, 5, 50, 1], [0, 20, 10, -1]],
              instances=(random.random((1, 30, 60, 3)) * 0.01).astype(np.float16), meta={"treatment": "taxol 0.3"})
    data = drawn(bag, ["DAPI", "Tubulin", "Actin"], ["Epithelial", "Stabilizers"])
    with Image.open(io.BytesIO(data)) as image:
        assert image.size[0] > image.size[1] > 300
    bag.points = None
    assert drawn(bag, ["DAPI", "Tubulin", "Actin"], ["Epithelial", "Stabilizers"]) != data
    assert place("a/b").startswith("qc/a_b~") and place("a") == "qc/a.png"
