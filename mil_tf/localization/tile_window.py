"""Of a map of positions, that of tiles: what the network says of the whole tile around each position.

The head that scores a position is linear and a tile's logit comes from the mean of its features, so that the mean of
the logits of a tile's positions is the tile's logit (lerousseau2020 trains on tiles; its maps may be of either).
"""

import numpy as np
from scipy.ndimage import uniform_filter


def tile_logits(logits, k):
    """The mean over the k x k window centred at each position.

    A window of even size has no middle position: it reaches k / 2 positions up and left, k / 2 - 1 down and right. At
    the map's edges windows shrink to what lies in the map, and positions that are NaN count in no mean.

    Args:
        logits: (R, C), NaN where not known.
        k: positions along a side of a tile, at least 1; 7 for tiles of 224 pixels and a stride of 32.

    Returns:
        float32 array (R, C), NaN where `logits` is not finite.

    Raises:
        ValueError: `logits` is no map, or `k` no whole number of at least 1.
    """
    logits = np.asarray(logits, np.float64)
    if logits.ndim != 2:
        raise ValueError(f"Expected `logits` of shape (R, C). Received: shape {logits.shape}")
    if k != int(k) or k < 1:
        raise ValueError(f"Expected `k` to be a whole number of at least 1. Received: k={k!r}")
    known = np.isfinite(logits)
    total, count = (_window_means(values, int(k)) for values in (np.where(known, logits, 0.0), known.astype(float)))
    # A window around a known position counts that one at least: the bound only keeps 0 / 0 from elsewhere.
    return np.where(known, total / np.maximum(count, 0.5 / k**2), np.nan).astype(np.float32)


def _window_means(values, k):
    return uniform_filter(values, k, mode="constant", cval=0.0)
