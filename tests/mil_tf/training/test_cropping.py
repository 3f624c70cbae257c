import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.data import MemorySource
from mil_tf.models.resnet import resnet
from mil_tf.models.scaling import HuWindow
from mil_tf.training.cropping import background, check_grid, head_box, refilled
from mil_tf.training.scoring import Scorer
from mil_tf.training.search import Search

RAMPS = ("ramps", -100, 0, 30, 60, 90)


def heads(count, size=64, null=-1024.0, low=24, high=40, seed=0):
    images = np.full((count, size, size, 1), null, np.float16)
    shape = (count, high - low, high - low, 1)
    images[:, low:high, low:high] = np.random.default_rng(seed).normal(40, 20, shape)
    return images


@pytest.mark.parametrize("null", [-1024.0, 0.0])
@pytest.mark.parametrize(
    "low, high, margin, expected", [(24, 40, 0, (16, 48)), (16, 32, 0, (16, 32)), (16, 32, 1, (0, 48)), (0, 64, 9, (0, 64))],
)
def test_the_box_holds_the_head_and_its_margin_on_the_grid(null, low, high, margin, expected):
    image = heads(1, null=null, low=low, high=high)[0]
    if (low, high) == (0, 64):
        image[0, 0] = null
    assert head_box(image, 16, margin) == (*expected, *expected)


def test_noisy_air_is_background_and_an_empty_slice_is_left_whole():
    rng = np.random.default_rng(0)
    image = heads(1)[0]
    air = image < -1000
    image[air] += rng.normal(0, 20, air.sum()).astype(np.float16)
    assert head_box(image, 16, 0) == (16, 48, 16, 48)
    assert background(image) == -1024
    assert head_box(np.zeros((64, 64, 1), np.float16), 16) == (0, 64, 0, 64)
    assert background(np.zeros((64, 64, 1), np.float16)) == 0


def test_a_table_is_no_head_but_a_thin_head_is_one():
    image = heads(1, 512, low=160, high=320)[0]
    image[470:490] = 200
    assert head_box(image, 32) == (128, 384, 128, 384)  # of 160-16 to 320+16, on the grid, in steps of 64
    thin = np.full((512, 512, 1), -1000, np.float16)
    thin[200:220, 100:400] = 40
    assert head_box(thin, 32, 0) == (192, 256, 96, 416)


def test_the_box_stays_within_the_slice():
    image = heads(1, 512, low=330, high=500)[0]
    assert head_box(image, 32) == (256, 512, 256, 512)


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_what_a_slice_scores_does_not_depend_on_its_neighbours(make_bag, chunk):
    model = tiled()
    bags = [
        make_bag("small", instances=heads(5, 128, low=50, high=80), n=5),
        make_bag("large", instances=heads(5, 128, low=10, high=90, seed=1), n=5),
        make_bag("brain", instances=heads(5, 128, null=0.0, low=40, high=100, seed=2), n=5),
    ]
    alone = [Search(model, None, "float32", area="head", chunk=chunk).odds(MemorySource([bag]), [0])[0] for bag in bags]
    together = Search(model, None, "float32", area="head", chunk=7).odds(MemorySource(bags), range(3))
    whole = Search(model, None, "float32").odds(MemorySource(bags), range(3))
    for one, other, exact in zip(alone, together, whole, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)
        np.testing.assert_allclose(other[:, 0], exact[:, 0], atol=1e-4)


def test_a_crop_filled_up_with_the_empty_slice_pools_as_the_whole_slice():
    """Exact where a place sees nothing of its neighbours: what is left in a real network is the crop's edge."""
    rng = np.random.default_rng(0)
    empty, inside = rng.normal(size=(4, 4, 3)).astype(np.float32), rng.normal(size=(2, 2, 2, 3)).astype(np.float32)
    whole = np.stack([empty, empty])
    whole[0, 1:3, 2:4], whole[1, 0:2, 1:3] = inside
    found = refilled(inside, tf.constant(empty), tf.constant([[1, 3, 2, 4], [0, 2, 1, 3]]))
    np.testing.assert_allclose(found, whole.mean(axis=(1, 2)), atol=1e-6)


def tiled():
    """A network whose last places see nothing of their neighbours."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 1))
    x = HuWindow(40, 400, name="hu_window")(inputs)
    x = keras.layers.Conv2D(6, 8, 8, activation="relu", name="conv1", kernel_initializer="he_normal")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool", dtype="float32")(keras.layers.Conv2D(5, 2, 2, name="conv2")(x))
    logits = keras.layers.Dense(2, name="logits", bias_initializer="random_normal")(x)
    return keras.Model(inputs, keras.layers.Activation("softmax", name="probabilities")(logits))


def test_a_search_over_the_head_finds_the_odds_of_the_whole_slice(make_bag):
    model, scorer = tiled(), None
    source = MemorySource([make_bag(f"bag{i}", instances=heads(6, 128, low=50, high=80, seed=i), n=6) for i in range(3)])
    whole, cropped = (Search(model, scorer, "float32", area=area) for area in ("full", "head"))
    seen, graph = [], cropped._forward._graph
    cropped._forward._graph = lambda images: lambda part, *more: seen.append(part.shape[1:3]) or graph(images)(part, *more)
    for one, other in zip(whole.odds(source, range(3)), cropped.odds(source, range(3)), strict=True):
        assert one[:, 0].std() > 1e-3
        np.testing.assert_allclose(other, one, atol=1e-4)
    assert seen == [(64, 64)]  # of 128 pixels a side


def test_slices_without_a_known_background_are_searched_whole(make_bag):
    model = tiled()
    images = heads(4, 128, low=50, high=80)
    images[:, 0, 0] = np.array([10, 20, 30, 40], np.float16)[:, None]  # tissue up to the corner
    source = MemorySource([make_bag("a", instances=images, n=4)])
    whole, cropped = (Search(model, None, "float32", area=area) for area in ("full", "head"))
    np.testing.assert_allclose(cropped.odds(source, [0])[0], whole.odds(source, [0])[0], rtol=1e-5, atol=1e-5)
    assert list(cropped._forward._empty) == [-1024.0]


def test_the_empty_slice_follows_the_weights(make_bag):
    model = tiled()
    source = MemorySource([make_bag("a", instances=heads(3, 128, low=50, high=80), n=3)])
    whole, cropped = (Search(model, None, "float32", area=area) for area in ("full", "head"))
    before = cropped.odds(source, [0])[0]
    model.set_weights([weight * 1.5 for weight in model.get_weights()])
    after = cropped.odds(source, [0])[0]
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, whole.odds(source, [0])[0], atol=1e-4)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_a_real_network_crops_in_every_precision(make_bag, dtype):
    keras.utils.set_random_seed(0)
    model = resnet(10, 8, "batch", False, scaling=RAMPS, stem="light")
    source = MemorySource([make_bag("a", instances=heads(5, 128, low=50, high=80), n=5)])
    found = Search(model, Scorer(model), dtype, area="head")(source, [0])[0]
    assert np.isfinite(found.probabilities).all() and sorted(found.order) == list(range(5))


def test_what_cannot_be_cropped_is_refused():
    network = resnet(10, 4, scaling=RAMPS, stem="imagenet")
    assert Search(network, None, area="head")._forward.grid == 32
    with pytest.raises(ValueError, match="multiples of 32 pixels where `score_area` is head. Received: .500, 500."):
        Search(network, None, area="head").check((500, 500, 1))
    with pytest.raises(ValueError, match="multiples of 32"):
        check_grid((496, 512), 32)
    Search(network, None, area="head").check((96, 128, 1))
    Search(network, None).check((97, 97, 1))
    with pytest.raises(ValueError, match="Expected `jit` to be false"):
        Search(network, None, area="head", jit=True)
    with pytest.raises(ValueError, match="Expected `pool` to be average"):
        Search(resnet(10, 4, scaling=RAMPS, stem="small", pool="max"), None, area="head")
    with pytest.raises(ValueError, match="Expected `area` to be one of"):
        Search(resnet(10, 4, scaling=RAMPS, stem="small"), None, area="face")
