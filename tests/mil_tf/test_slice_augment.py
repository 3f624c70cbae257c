import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage
from skimage import filters
from skimage.transform import AffineTransform, warp

from mil_tf.models.channels import HuChannels
from mil_tf.slice_augment import KINDS, STILL, Draw, Ranges, Steps, apply, cropped, slice_augmentation

FILL = -1024.0
SIZES = [(16, 16), (17, 17), (13, 20), (20, 13)]


def slices(shape=(16, 16), count=1, seed=0):
    return np.random.default_rng(seed).normal(40, 20, (count, *shape, 1)).astype(np.float32)


def applied(image, draw, crop=0, radius=2, channels=tf.identity):
    """(h, w, 1) -> (h', w', c)."""
    size = cropped(image.shape[:2], crop)
    steps = Steps.of(draw, image.shape[:2], size, radius)
    return np.asarray(apply(tf.constant(image), steps, size, channels, FILL))


def warped(image, draw, corner=(0, 0), size=None):
    """What scikit-image makes of a draw's geometry, (h, w) -> `size`; each step on its own, about the centre."""
    size = size or image.shape
    middle = (np.array(size[::-1]) - 1) / 2
    moved = np.multiply((draw.columns, draw.rows), image.shape[::-1]) + corner
    steps = [AffineTransform(translation=-middle), AffineTransform(scale=(draw.mirror, 1))]
    steps += [AffineTransform(np.array([[1, draw.shear, 0], [0, 1, 0], [0, 0, 1]])), AffineTransform(rotation=draw.angle)]
    steps += [AffineTransform(scale=(draw.scale, draw.scale)), AffineTransform(translation=middle + moved)]
    whole = np.linalg.multi_dot([step.params for step in reversed(steps)])
    return warp(image.astype(float), AffineTransform(whole), order=1, mode="constant", cval=FILL, output_shape=size, clip=False)


@pytest.mark.parametrize("shape", SIZES)
def test_a_draw_of_nothing_changes_nothing(shape):
    image = slices(shape)[0]
    for radius in (0, 1, 2):
        np.testing.assert_array_equal(applied(image, Draw(), radius=radius), image)


@pytest.mark.parametrize("shape", SIZES)
def test_a_mirror_exchanges_left_and_right_and_twice_is_none(shape):
    image = slices(shape)[0]
    once = applied(image, Draw(mirror=-1.0))
    np.testing.assert_array_equal(once, image[:, ::-1])
    np.testing.assert_array_equal(applied(once, Draw(mirror=-1.0)), image)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("draw", [
    Draw(angle=0.4), Draw(scale=0.9), Draw(scale=1.1), Draw(shear=0.05), Draw(rows=0.1, columns=-0.07),
    Draw(angle=-0.5, scale=1.07, shear=-0.04, mirror=-1.0, rows=0.02),
])
def test_geometry_is_that_of_scikit_image(shape, draw):
    """At the border too, where it is mixed with what lies outside."""
    image = slices(shape)[0]
    np.testing.assert_allclose(applied(image, draw)[..., 0], warped(image[..., 0], draw), rtol=1e-5, atol=5e-3)


def test_a_crop_is_turned_about_its_centre_and_sees_what_lies_beside_it():
    image, draw = slices((20, 30))[0], Draw(angle=0.3, shear=0.05, top=0.5, left=0.25)
    found = applied(image, draw, crop=9)
    np.testing.assert_allclose(found[..., 0], warped(image[..., 0], draw, (5, 6), (9, 9)), rtol=1e-5, atol=5e-3)
    assert found.min() > FILL / 2


@pytest.mark.parametrize("top, left, corner", [(0, 0, (0, 0)), (0.999, 0.999, (8, 12)), (1, 1, (8, 12)), (0.5, 0.1, (4, 1))])
def test_a_crop_alone_is_a_part_of_the_slice(top, left, corner):
    image = slices((16, 20))[0]
    rows, columns = (slice(start, start + 8) for start in corner)
    np.testing.assert_array_equal(applied(image, Draw(top=top, left=left), crop=8), image[rows, columns])


@pytest.mark.parametrize("crop, expected", [(0, (13, 20)), (8, (8, 8)), (16, (13, 16)), (64, (13, 20))])
def test_a_crop_is_never_larger_than_the_slice(crop, expected):
    assert cropped((13, 20), crop) == expected
    assert applied(slices((13, 20))[0], Draw(0.2, top=0.7, left=0.7), crop).shape == (*expected, 1)


def test_what_lies_outside_is_filled():
    found = applied(slices()[0], Draw(angle=np.pi / 4, scale=1.1))
    assert (found[[0, 0, -1, -1], [0, -1, 0, -1]] == FILL).all()
    assert (found != FILL).sum() > found.size / 2


@pytest.mark.parametrize("sigma", [0.0, 1e-9, 0.05, 0.1, 0.2, 0.35, 0.5])
@pytest.mark.parametrize("shape", SIZES)
def test_blurring_is_scipys_gaussian(shape, sigma):
    image = slices(shape)[0]
    found = applied(image, Draw(sigma=sigma))[..., 0]
    np.testing.assert_allclose(found, ndimage.gaussian_filter(image[..., 0], sigma, mode="reflect"), rtol=1e-5, atol=1e-4)
    if sigma < 0.1:
        np.testing.assert_array_equal(found, image[..., 0])


@pytest.mark.parametrize("radius", [1, 2])
@pytest.mark.parametrize("sharpness", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("shape", SIZES)
def test_sharpening_subtracts_the_laplacian(shape, sharpness, radius):
    plane = slices(shape)[0, ..., 0].astype(float)
    found = applied(slices(shape)[0], Draw(sharpness=sharpness), radius=radius)[..., 0]
    expected = plane - sharpness * ndimage.laplace(plane, mode="reflect")
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    inside = (plane + sharpness * filters.laplace(plane))[1:-1, 1:-1]  # scikit-image's has the other sign
    np.testing.assert_allclose(found[1:-1, 1:-1], inside, rtol=1e-5, atol=1e-4)


def test_intensities_change_after_the_channels_are_made():
    image, channels = slices()[0], HuChannels(dtype="float32")
    found = applied(image, Draw(factor=1.02, addition=-0.2, sigma=0.4), channels=channels)
    brighter = 1.02 * np.asarray(channels(image[None]))[0] - 0.2
    expected = ndimage.gaussian_filter(brighter, (0.4, 0.4, 0), mode="reflect")
    assert found.shape == (16, 16, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_draws_reach_the_ends_of_their_ranges_and_no_further():
    rng = np.random.default_rng(0)
    draws = Draw(*np.array([Ranges(translation=0.1).sample(rng) for _ in range(3000)]).T)
    ends = dict(
        angle=(-np.pi / 6, np.pi / 6), scale=(0.9, 1.1), shear=(-0.05, 0.05), mirror=(-1, 1), rows=(-0.1, 0.1),
        columns=(-0.1, 0.1), top=(0, 1), left=(0, 1), factor=(1 / 1.02, 1.02), addition=(-0.2, 0.2), sigma=(0, 0.5),
        sharpness=(0, 0.5),
    )
    assert set(ends) == set(Draw._fields)
    for name, (low, high) in ends.items():
        values, near = getattr(draws, name), 0.01 * (high - low)
        assert low <= values.min() < low + near and high - near < values.max() <= high, name
    assert set(draws.mirror) == {-1, 1}
    blurred, sharpened = draws.sigma > 0, draws.sharpness > 0
    assert not (blurred & sharpened).any() and (blurred | sharpened).all() and 0.4 < blurred.mean() < 0.6


def test_draws_of_no_range_move_the_crop_alone():
    rng = np.random.default_rng(0)
    draws = [STILL.sample(rng) for _ in range(20)]
    assert {draw._replace(top=0.0, left=0.0) for draw in draws} == {Draw()}
    assert len({draw.top for draw in draws}) == len({draw.left for draw in draws}) == 20


def test_a_range_does_not_change_what_others_draw():
    whole = Ranges().sample(np.random.default_rng(1))
    for name in ("rotation", "blur", "mirror"):
        other = dataclasses.replace(Ranges(), **{name: type(getattr(Ranges(), name))(0)}).sample(np.random.default_rng(1))
        same = [first == second for first, second in zip(whole, other)]
        assert sum(same) >= len(same) - 1 and (other.top, other.left) == (whole.top, whole.left)


@pytest.mark.parametrize("wrong", [{"rotation": -1.0}, {"scaling": 1.0}, {"brightness": 0.9}, {"blur": -0.1}])
def test_ranges_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="Expected ranges of at least 0"):
        Ranges(**wrong)


def test_a_negative_crop_is_refused():
    with pytest.raises(ValueError, match="Expected `crop` of at least 0. Received: -1"):
        slice_augmentation(None, -1, tf.identity, 0, FILL)


@pytest.mark.parametrize("kind", KINDS)
def test_slices_beside_each_other_are_those_one_by_one(kind):
    """The graph gives the bits of the plain loop, portion by portion and whole."""
    tf.config.experimental.enable_op_determinism()  # as training does
    images, keys = slices((24, 18), count=6), np.array([[3, 0], [3, 1], [5, 0], [0, 0], [1, 0], [9, 0]])
    channels, ranges = HuChannels(dtype="float32"), KINDS[kind]
    augment = slice_augmentation(ranges, 16, channels, 7, FILL)
    whole = np.asarray(augment(images, 2, keys))
    assert whole.shape == (6, 16, 16, 3) and whole.dtype == np.float32
    ranges = ranges or STILL
    draws = [ranges.sample(np.random.default_rng([7, 3, 2, *key])) for key in keys]
    plain = [applied(image, draw, 16, ranges.radius, channels) for image, draw in zip(images, draws)]
    np.testing.assert_array_equal(whole, plain)
    parts = [np.asarray(augment(images[part], 2, keys[part])) for part in (slice(0, 4), slice(4, 5), slice(5, 6))]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_a_draw_depends_on_seed_epoch_and_key():
    images, keys = np.repeat(slices(), 6, axis=0), np.arange(6)[:, None]
    augment = slice_augmentation(Ranges(), 0, tf.identity, 0, FILL)
    whole = np.asarray(augment(images, 0, keys))
    assert len({one.tobytes() for one in whole}) == 6
    np.testing.assert_array_equal(whole, augment(images, 0, keys))
    for other in (augment(images, 1, keys), slice_augmentation(Ranges(), 0, tf.identity, 1, FILL)(images, 0, keys)):
        assert not np.array_equal(whole, other)


def test_one_graph_a_size_of_slices():
    traced = []

    def channels(images):
        traced.append(tuple(images.shape))
        return tf.identity(images)

    augment = slice_augmentation(Ranges(), 8, channels, 0, FILL)
    for count, shape in ((3, (16, 16)), (1, (16, 16)), (2, (12, 16)), (5, (16, 16)), (4, (12, 16))):
        augment(slices(shape, count), 0, np.arange(count)[:, None])
    assert len(traced) <= 4 and set(traced) == {(1, 8, 8, 1)}  # twice a graph: tf.data looks once more


def test_without_ranges_and_crop_only_the_channels_are_made():
    images, channels = slices((13, 20), count=3), HuChannels(dtype="float32")
    found = slice_augmentation(None, 0, channels, 0, FILL)(images, 0, np.arange(3)[:, None])
    np.testing.assert_allclose(found, channels(images), rtol=1e-6, atol=1e-6)


def test_without_ranges_crops_are_parts_of_the_slice_and_differ():
    images = np.repeat(slices((12, 12)), 40, axis=0)
    found = np.asarray(slice_augmentation(None, 8, tf.identity, 0, FILL)(images, 0, np.arange(40)[:, None]))
    parts = {images[0, i : i + 8, j : j + 8].tobytes(): (i, j) for i in range(5) for j in range(5)}
    corners = [parts[crop.tobytes()] for crop in found]
    assert {row for row, _ in corners} == {column for _, column in corners} == set(range(5))
