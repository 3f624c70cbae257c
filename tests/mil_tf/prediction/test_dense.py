"""Maps by windows beside the whole image in one pass."""

import threading
import weakref

import keras
import numpy as np
import pytest

from mil_tf.models.receptive import context
from mil_tf.prediction.dense import dense_map, windows

STRIDES = {8: 3, 32: 5}  # stride: halvings


def network(stride):
    """A fully convolutional network of one logit a position, with both kinds of padding in it."""
    keras.utils.set_random_seed(stride)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(inputs)
    for _ in range(STRIDES[stride] - 1):
        x = keras.layers.Conv2D(6, 3, 2, padding="same", activation="relu", bias_initializer="random_normal")(x)
    x = keras.layers.ZeroPadding2D(1)(x)
    x = keras.layers.Conv2D(6, 3, 2, activation="relu", bias_initializer="random_normal")(x)
    x = keras.layers.Conv2D(1, 3, padding="same")(x)
    return keras.Model(inputs, x)


@pytest.fixture(scope="module", params=STRIDES)
def row(request):
    """(forward, stride, margin)."""
    model = network(request.param)
    stride, margin = context(model)
    assert stride == request.param
    return (lambda images: model(images, training=False).numpy()[..., 0]), stride, margin


def slide(rows, columns, seed=0):
    """(pixels, read) of a slide; `read` gives white outside of it."""
    pixels = np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), np.uint8)

    def read(row, column, height, width):
        found = np.full((height, width, 3), 255, np.uint8)
        inside = pixels[row : row + height, column : column + width]
        found[: inside.shape[0], : inside.shape[1]] = inside
        return found

    return pixels, read


def whole(forward, read, shape, stride):
    """The map of one pass."""
    sides = [-(-side // stride) * stride for side in shape]
    return forward(read(0, 0, *sides)[None].astype(np.float32))[0]


@pytest.mark.parametrize("shape", [(350, 225), (128, 256), (331, 97), (33, 1)])
@pytest.mark.parametrize("steps", [2, 3, 100])
def test_there_are_no_seams(row, shape, steps):
    forward, stride, margin = row
    window = stride * steps * (32 // stride)
    _, read = slide(*shape)
    expected = whole(forward, read, shape, stride)
    found = dense_map(forward, read, shape, stride, margin, window)
    assert found.dtype == np.float32 and np.ptp(expected) > 0
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_with_too_small_a_margin_there_are(row):
    forward, stride, margin = row
    _, read = slide(700, 450)
    found = dense_map(forward, read, (700, 450), stride, 0, 96)
    assert np.abs(found - whole(forward, read, (700, 450), stride)).max() > 1e-4 and margin > 0


def test_the_map_is_that_of_any_part_of_the_slide_that_is_far_enough_from_where_it_was_cut(row):
    forward, stride, margin = row
    _, read = slide(800, 800)
    row_at, column_at = 5 * 32, 3 * 32
    part = dense_map(forward, lambda r, c, h, w: read(r + row_at, c + column_at, h, w), (512, 480), stride, margin, 96)
    expected = dense_map(forward, read, (800, 800), stride, margin, 128)[row_at // stride :, column_at // stride :]
    edge = margin // stride
    inner = (slice(edge, 512 // stride - edge), slice(edge, 480 // stride - edge))
    assert part[inner].size > 0
    np.testing.assert_allclose(part[inner], expected[inner], atol=1e-5)


def test_only_what_is_wanted_is_scored(row):
    forward, stride, margin = row
    shape = (700, 450)
    _, read = slide(*shape)
    expected = whole(forward, read, shape, stride)
    wanted = np.zeros(expected.shape, bool)
    wanted[2 : 9 * 32 // stride, 1:5] = True
    wanted[-1, -1] = True
    found = dense_map(forward, read, shape, stride, margin, 160, wanted)
    np.testing.assert_array_equal(np.isnan(found), ~wanted)
    np.testing.assert_allclose(found[wanted], expected[wanted], atol=1e-5)


def test_what_holds_nothing_wanted_is_not_read(row):
    forward, stride, margin = row
    read_at = []

    def read(row, column, height, width):
        read_at.append((row, column, height, width))
        return np.zeros((height, width, 3), np.uint8)

    wanted = np.zeros((3200 // stride, 3200 // stride), bool)
    assert np.isnan(dense_map(forward, read, (3200, 3200), stride, margin, 320, wanted)).all() and read_at == []
    wanted[1600 // stride, 1600 // stride] = True
    dense_map(forward, read, (3200, 3200), stride, margin, 320, wanted)
    start, side = 1600 - margin, 2 * margin + stride
    assert read_at == [(start, start, side, side)]


def test_memory_is_bounded_by_the_window_and_not_by_the_slide(row):
    _, stride, margin = row
    window, shape, given, most = 320, (32000, 640), [], [0]

    def read(row, column, height, width):
        assert max(height, width) <= window + 2 * margin
        pixels = np.empty((height, width, 3), np.uint8)
        given.append(weakref.ref(pixels))
        most[0] = max(most[0], sum(each() is not None for each in given))
        return pixels

    def forward(images):
        return np.zeros((1, images.shape[1] // stride, images.shape[2] // stride), np.float32)

    dense_map(forward, read, shape, stride, margin, window)
    assert len(given) == 200 and most[0] <= 2  # the one that is scored, the one that is read


def test_the_next_window_is_read_while_one_is_scored():
    ahead = threading.Event()

    def read(row, column, height, width):
        if column:
            ahead.set()
        return np.zeros((height, width, 3), np.uint8)

    def forward(images):
        assert ahead.wait(10)
        return images[:, ::8, ::8, 0]

    dense_map(forward, read, (64, 128), 8, 0, 64)


def test_progress_and_boxes():
    told = []
    wanted = np.ones((8, 20), bool)
    wanted[:, 8:16] = False
    dense_map(lambda x: x[:, ::8, ::8, 0], slide(64, 160)[1], (64, 160), 8, 0, 64, wanted, lambda *at: told.append(at))
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert windows(wanted, 8) == [(slice(0, 8), slice(0, 8)), (slice(0, 8), slice(16, 20))]


def test_what_goes_wrong_while_reading_is_told():
    def read(row, column, height, width):
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        dense_map(lambda x: x[..., 0], read, (64, 64), 8, 0, 64)


@pytest.mark.parametrize(
    "given, told",
    [({"margin": 12}, "margin=12"), ({"window": 100}, "window=100"), ({"window": 0}, "window=0"),
     ({"shape": (0, 64)}, r"shape=\(0, 64\)"), ({"wanted": np.ones((2, 2))}, r"`wanted` of shape \(8, 16\)"),
     ({"forward": lambda x: x[..., 0]}, r"`forward` to give \(1, 8, 8\)"),
     ({"read": lambda *at: np.zeros((1, 1, 3), np.uint8)}, r"`read` to give \(64, 64, 3\)")],
)
def test_what_cannot_be(given, told):
    usual = {"forward": lambda x: x[:, ::8, ::8, 0], "read": slide(64, 128)[1], "shape": (64, 128), "stride": 8, "margin": 0}
    with pytest.raises(ValueError, match=told):
        dense_map(**{**usual, "window": 64, **given})
