"""From a Jacobian map to cells: threshold, denoising, regions, and the class of each (kraus2016, sections 3.3 and 4.4).

The paper thresholds the map, denoises what is left by loopy belief propagation in a Markov random field, and says no
more of either. Ours: Otsu's threshold of the map's logarithm, because a map has a few peaks within cells that are ten
times what the rest of a cell has, and of the plain map the threshold parts peaks from cells; and a field whose pixels
were thresholded wrongly with a probability of 0.2 and whose 4-neighbours are e times as likely to be the same as not.
A region's class is that whose probability p_ij has the highest mean over it, as the paper's predictions per region.
"""

from typing import Any, NamedTuple

import numpy as np
from skimage.measure import label, regionprops

from mil_tf.evaluation.cell_overlap import otsu_threshold
from mil_tf.localization.belief import belief_propagation

FLOOR = 1 / 1024  # of a map's range, where its logarithm ends; chosen on phantoms' validation fields, 1/256 loses cells


class Denoising(NamedTuple):
    """How a mask is made of a map.

    Attributes:
        threshold: of the map; None is Otsu's of its logarithm.
        wrong: probability that a pixel was thresholded wrongly, above 0 and below 0.5.
        coupling: of 4-neighbours, see `mil_tf.localization.belief`; 0 leaves the thresholded map as it is.
        iterations: of belief propagation, at most.
        least: pixels of the smallest region that counts as cells.
    """

    threshold: float | None = None
    wrong: float = 0.2
    coupling: float = 1.0
    iterations: int = 200
    least: int = 20


DEFAULT = Denoising()


class CellMask(NamedTuple):
    """Where cells are.

    Attributes:
        mask: boolean (h, w).
        threshold: of the map, NaN where the map is the same everywhere and has no cells.
        belief: `mil_tf.localization.belief.Belief`, which says whether it converged.
    """

    mask: np.ndarray
    threshold: float
    belief: Any


class Region(NamedTuple):
    """Pixels that hang together: its number in the labels, centre in pixels, area in pixels, the index of its likeliest
    class and the mean p_ij of that."""

    number: int
    y: float
    x: float
    area: int
    label: int
    probability: float


def cell_mask(jacobian, how=DEFAULT):
    """Thresholds and denoises a map.

    Args:
        jacobian: (h, w), 0 or above, finite.
        how: a Denoising.

    Returns:
        A CellMask.

    Raises:
        ValueError: the map is none, or `how` cannot be.
    """
    jacobian = np.asarray(jacobian, np.float64)
    if jacobian.ndim != 2:
        raise ValueError(f"Expected a map (h, w). Received: shape {jacobian.shape}")
    if not 0 < how.wrong < 0.5 or how.least < 0:
        raise ValueError("Expected `wrong` above 0 and below 0.5, and `least` of 0 or above. Received: "
                         f"wrong={how.wrong!r}, least={how.least!r}")
    threshold = otsu_threshold(jacobian, floor=FLOOR) if how.threshold is None else how.threshold
    unary = np.where(jacobian > threshold, 1, -1) * np.log((1 - how.wrong) / how.wrong)
    belief = belief_propagation(unary, how.coupling, iterations=how.iterations)
    return CellMask(belief.labels, threshold, belief)


def regions_of(mask, least=DEFAULT.least):
    """Regions of a mask, int32 (h, w): 0 outside, then 1, 2, ... in rows' order; those below `least` pixels are left
    out, and pixels that touch at a corner only do not hang together."""
    labels = label(mask, connectivity=1)
    area = np.bincount(labels.ravel())
    kept = area >= least
    kept[0] = False
    return (np.cumsum(kept) * kept)[labels].astype(np.int32)


def classified(labels, probabilities, fields):
    """The class of every region.

    Args:
        labels: (h, w), as of `regions_of`.
        probabilities: p_ij, (h', w', k).
        fields: of the rows and columns of p_ij, see `mil_tf.models.receptive.field`.

    Returns:
        [Region], in the order of their numbers.
    """
    found = regionprops(labels)
    means = np.empty((len(found), np.shape(probabilities)[-1]))
    for place in range(means.shape[1]):  # a class at a time, so that memory does not grow with their number
        pixels = laid_out(probabilities[..., place], fields, labels.shape)
        total = np.bincount(labels.ravel(), pixels.ravel(), len(found) + 1)[1:]
        means[:, place] = total / [region.area for region in found]
    likeliest = means.argmax(axis=1)
    return [Region(region.label, *map(float, region.centroid), int(region.area), int(best), float(mean[best]))
            for region, mean, best in zip(found, means, likeliest)]


def laid_out(positions, fields, shape):
    """A map of positions on the pixels of its image, linearly between the middles of what positions see.

    Args:
        positions: (h', w').
        fields: `mil_tf.models.receptive.Field` of its rows and of its columns.
        shape: (h, w) of the image.

    Returns:
        float64 (h, w); beyond the outermost middles it has their values.
    """
    rows, columns = (_weights(*each) for each in zip(fields, shape, np.shape(positions)))
    return rows @ np.asarray(positions, np.float64) @ columns.T


def _weights(field, pixels, positions):
    """How much each position counts at each pixel along an axis, (pixels, positions)."""
    middles = field.centre + field.stride * np.arange(positions)
    return np.stack([np.interp(np.arange(pixels), middles, one) for one in np.eye(positions)], axis=1)
