import numpy as np
import pytest

from mil_tf.augment import KINDS, Geometric, augmentation, transform

FILL = -1024.0


def image(size=9, seed=0):
    return np.random.default_rng(seed).normal(40, 20, (1, size, size, 1)).astype(np.float32)


def applied(images, *draw):
    return np.asarray(transform(images, [draw] * len(images), FILL))


def test_the_identity_changes_nothing():
    for size in (8, 9):
        np.testing.assert_array_equal(applied(image(size), 0.0, 1.0, 0.0, 0.0, 1.0), image(size))


def test_a_mirror_exchanges_left_and_right_and_no_value():
    for size in (8, 9):
        np.testing.assert_allclose(applied(image(size), 0.0, 1.0, 0.0, 0.0, -1.0), image(size)[:, :, ::-1], rtol=1e-5)


def test_a_quarter_turn_turns():
    turned = applied(image(), np.pi / 2, 1.0, 0.0, 0.0, 1.0)[0, 1:-1, 1:-1]  # rounding moves the border outside
    np.testing.assert_allclose(turned, np.rot90(image()[0])[1:-1, 1:-1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("columns, rows, place", [(0.25, 0.0, (4, 1)), (0.0, -0.25, (6, 3)), (-0.125, 0.25, (2, 4))])
def test_a_marker_goes_where_the_shift_says(columns, rows, place):
    # An output pixel is read from the input pixel `shift` further, so the marker moves the other way.
    marked = np.zeros((1, 8, 8, 1), np.float32)
    marked[0, 4, 3] = 1
    moved = applied(marked, 0.0, 1.0, columns, rows, 1.0)
    np.testing.assert_allclose(moved[(0, *place, 0)], 1, atol=1e-5)
    np.testing.assert_allclose(moved[moved > 0].sum(), 1, atol=1e-5)


def test_a_scale_above_one_shows_more_and_its_border_is_air():
    moved = applied(image(), 0.0, 2.0, 0.0, 0.0, 1.0)
    assert moved[0, 4, 4] == image()[0, 4, 4] and moved[0, 2, 2] == image()[0, 0, 0]
    assert (moved[0, [0, 0, -1, -1], [0, -1, 0, -1]] == FILL).all()


def test_draws_stay_in_their_ranges():
    ranges, rng = Geometric(12, 0.1, 0.05), np.random.default_rng(0)
    angle, scale, columns, rows, mirror = np.array([ranges.sample(rng) for _ in range(300)]).T
    assert abs(angle).max() <= np.deg2rad(12) and angle.min() < 0 < angle.max()
    assert 0.9 <= scale.min() < 1 < scale.max() <= 1.1
    assert max(abs(columns).max(), abs(rows).max()) <= 0.05
    assert set(mirror) == {-1, 1}
    assert {Geometric(mirror=False).sample(rng)[4] for _ in range(20)} == {1.0}


def test_a_draw_depends_on_seed_epoch_and_key_and_on_no_portioning():
    images = np.concatenate([image(seed=i) for i in range(6)])
    keys = np.array([[3, 0], [3, 1], [5, 0], [0, 0], [1, 0], [9, 0]])
    augment = augmentation("geometric", 0, FILL)
    whole = np.asarray(augment(images, 2, keys))
    parts = np.concatenate([np.asarray(augment(images[i : i + 4], 2, keys[i : i + 4])) for i in (0, 4)])
    np.testing.assert_array_equal(whole, parts)
    same = np.asarray(augment(np.repeat(images[:1], 6, axis=0), 2, keys))
    assert len({one.tobytes() for one in same}) == 6
    for other in (augment(images, 3, keys), augmentation("geometric", 1, FILL)(images, 2, keys)):
        assert not np.array_equal(whole, other)


def test_none_is_none_and_digits_are_not_mirrored():
    assert augmentation("none", 0, FILL) is None
    assert not KINDS["digits"].mirror
    with pytest.raises(ValueError, match="one of .*'geometric'.*Received: 'flip'"):
        augmentation("flip", 0, FILL)
