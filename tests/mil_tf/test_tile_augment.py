import numpy as np
import pytest

from mil_tf.data import generator
from mil_tf.tile_augment import YIQ, Draw, sample, tile_augmentation, transform


@pytest.fixture
def tiles():
    return np.random.default_rng(0).integers(40, 200, (6, 16, 16, 3)).astype(np.uint8)


def keys(count):
    return np.array([(3, place) for place in range(count)], np.int64)


def test_still_numbers_change_nothing(tiles):
    np.testing.assert_allclose(transform(tiles, [Draw()] * 6), tiles, atol=1e-3)


def test_the_eight_ways_to_lay_a_tile_down(tiles):
    draws = [Draw(turns, mirror) for turns in range(4) for mirror in (False, True)]
    laid = transform(np.repeat(tiles[:1], 8, axis=0), draws).numpy().round().astype(np.uint8)
    assert len({each.tobytes() for each in laid}) == 8
    for each in laid:
        assert sorted(each.reshape(-1, 3).tolist()) == sorted(tiles[0].reshape(-1, 3).tolist())
    np.testing.assert_array_equal(laid[2], np.rot90(tiles[0]))
    np.testing.assert_array_equal(laid[1], tiles[0][:, ::-1])


def test_brightness_is_a_factor_and_white_its_end(tiles):
    brighter = transform(tiles, [Draw(brightness=1.5)] * 6)
    np.testing.assert_allclose(brighter, np.minimum(tiles * 1.5, 255), rtol=1e-4)


def test_contrast_keeps_the_mean_grey_and_spreads_around_it(tiles):
    grey = (tiles @ YIQ[0]).mean(axis=(1, 2))
    found = transform(tiles, [Draw(contrast=0.5)] * 6).numpy()
    np.testing.assert_allclose(found, (tiles - grey[:, None, None, None]) / 2 + grey[:, None, None, None], rtol=1e-3)


def test_hue_and_saturation_keep_luminance(tiles):
    plain = tiles // 4 + 90  # far from both ends, where nothing is clipped
    found = transform(plain, [Draw(saturation=0.7, hue=0.3)] * 6).numpy()
    np.testing.assert_allclose(found @ YIQ[0], plain @ YIQ[0], rtol=1e-3)
    assert np.abs(found - plain).max() > 3


def test_grey_has_no_hue():
    grey = np.full((1, 4, 4, 3), 120, np.uint8)
    np.testing.assert_allclose(transform(grey, [Draw(saturation=1.2, hue=0.3)]), grey, atol=0.2)  # NTSC's three digits


def test_a_tile_depends_on_seed_epoch_and_its_key_alone(tiles):
    augment = tile_augmentation("paper", 5)
    whole = augment(tiles, 2, keys(6)).numpy()
    np.testing.assert_array_equal(augment(tiles[4:], 2, keys(6)[4:]), whole[4:])
    assert (augment(tiles, 3, keys(6)).numpy() != whole).any()
    assert (tile_augmentation("paper", 6)(tiles, 2, keys(6)).numpy() != whole).any()


def test_flips_have_no_jitter_and_the_same_turns(tiles):
    laid = tile_augmentation("flips", 5)(tiles, 2, keys(6)).numpy().round().astype(np.uint8)
    for each, tile in zip(laid, tiles):
        assert sorted(each.reshape(-1, 3).tolist()) == sorted(tile.reshape(-1, 3).tolist())
    draws = [[sample(generator(5, 3, 2, *key), jitter) for key in keys(6)] for jitter in (True, False)]
    assert [each[:2] for each in draws[0]] == [each[:2] for each in draws[1]]


def test_every_number_stays_in_its_range_and_moves():
    draws = [sample(np.random.default_rng(i)) for i in range(400)]
    assert {draw.turns for draw in draws} == {0, 1, 2, 3} and {draw.mirror for draw in draws} == {True, False}
    for name, middle, most in (("brightness", 1, 0.2), ("contrast", 1, 0.2), ("saturation", 1, 0.2), ("hue", 0, 0.3142)):
        values = np.array([getattr(draw, name) for draw in draws]) - middle
        assert np.abs(values).max() <= most and np.abs(values).max() > 0.9 * most


def test_what_cannot_be_is_one_line(tiles):
    assert tile_augmentation("none", 0) is None
    with pytest.raises(ValueError, match="Expected `augmentation` to be one of .* Received: 'jitter'"):
        tile_augmentation("jitter", 0)
    with pytest.raises(ValueError, match="Expected square tiles. Received: 16 x 8 pixels"):
        transform(tiles[:, :, :8], [Draw()] * 6)
