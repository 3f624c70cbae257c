"""A tile's logit is the mean of its positions' logits, whatever is unknown beside it and wherever it lies."""

import numpy as np
import pytest

from mil_tf.localization.tile_window import tile_logits


def written_out(logits, k):
    """The same by a loop, from the words of the docstring."""
    found = np.full(logits.shape, np.nan)
    for row, column in np.argwhere(~np.isnan(logits)):
        top, left = max(0, row - k // 2), max(0, column - k // 2)
        found[row, column] = np.nanmean(logits[top : row - k // 2 + k, left : column - k // 2 + k])
    return found


@pytest.mark.parametrize("k", [1, 2, 3, 4, 7, 30])
@pytest.mark.parametrize("shape", [(12, 17), (1, 9), (3, 2)])
def test_it_is_the_mean_of_each_window(shape, k):
    rng = np.random.default_rng(k)
    logits = rng.normal(0, 5, shape).astype(np.float32)
    np.testing.assert_allclose(tile_logits(logits, k), written_out(logits, k), rtol=1e-5, atol=1e-5)
    logits[rng.random(shape) < 0.4] = np.nan
    np.testing.assert_allclose(tile_logits(logits, k), written_out(logits, k), rtol=1e-5, atol=1e-5)


def test_one_position_a_tile_changes_nothing():
    logits = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    logits[2, 3] = np.nan
    np.testing.assert_array_equal(tile_logits(logits, 1), logits)


def test_an_unknown_map_stays_unknown():
    assert np.isnan(tile_logits(np.full((3, 4), np.nan), 3)).all()


@pytest.mark.parametrize("k", [0, -1, 1.5])
def test_a_window_of_no_positions_is_refused(k):
    with pytest.raises(ValueError, match=f"whole number of at least 1. Received: k={k}"):
        tile_logits(np.zeros((2, 2)), k)


def test_what_is_no_map_is_refused():
    with pytest.raises(ValueError, match=r"shape \(R, C\). Received: shape \(3,\)"):
        tile_logits(np.zeros(3), 1)
