"""A slide's map of logits beside its truth, cell by cell: what every pixel of it scores.

A data set of slides keeps, of every cell of so many pixels a side, how many of its pixels are tissue and how many are
tumour; a map has a logit of every position. All pixels of a cell score what the map says there, as on the map drawn
large by nearest neighbours, so that counts say of pixels what a picture would, exactly.

Which of a cell's pixels are tissue is not kept, nor which are tumour: as tumour is tissue, as many pixels as there can
be are taken to be both (our decision). What is drawn as tumour beyond the tissue counts as tumour in the background.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from mil_tf.evaluation.columns import TableError

COUNTS = ("pixels", "tissue", "positive")


class Cells(NamedTuple):
    """Counts of the pixels of a slide's cells, int64 (R, C); `positive` is None where it is not known."""

    cell: int
    pixels: np.ndarray
    tissue: np.ndarray
    positive: np.ndarray | None


class SlidePixels(NamedTuple):
    """The pixels of a slide, those of tissue by what the map says of them.

    `score` are logits, float64 (m,), of the cells with tissue that the map answers; `positive` and `negative` count
    their pixels of tissue, int64 (m,). `unanswered` and `background` count (positive, negative) pixels: of tissue for
    which the map has no answer, and of no tissue.
    """

    score: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    unanswered: np.ndarray
    background: np.ndarray


def read_cells(path):
    """Reads `slides/<id>.npz` of a data set. Raises TableError where it is none."""
    arrays = _arrays(path, ("cell", "pixels", "tissue"))
    counts = {name: arrays[name].astype(np.int64) for name in COUNTS if name in arrays}
    for name, values in counts.items():
        if values.shape != counts["pixels"].shape or values.ndim != 2 or (values > counts["pixels"]).any():
            raise TableError(f"{path}: expected {name} of every cell, at most its pixels; make the data set again.")
    return Cells(int(arrays["cell"]), counts["pixels"], counts["tissue"], counts.get("positive"))


def read_map(path):
    """(logits float32 (R', C'), stride) of `maps-<name>/<id>.npz` of a run. Raises TableError where it is none."""
    arrays = _arrays(path, ("logit", "stride"))
    return arrays["logit"], int(arrays["stride"])


def _arrays(path, names):
    try:
        with np.load(path) as file:
            found = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise TableError(f"{path} does not exist; expected a file with {', '.join(names)}.") from None
    except Exception as error:  # a damaged file raises many kinds
        raise TableError(f"{path} cannot be read: {str(error).splitlines()[0] if str(error) else 'damaged'}.") from None
    missing = [name for name in names if name not in found]
    if missing:
        raise TableError(f"{path}: expected {', '.join(names)}; missing {', '.join(missing)}.")
    return found


def on_cells(logits, stride, cells):
    """A map brought to a slide's cells: the mean of the positions in a cell, weighed by how much of it they are.

    Of positions as large as cells, or larger by a whole factor, that is the position itself. Positions without a logit
    count in no mean.

    Args:
        logits: (R', C'), NaN where there is none.
        stride: pixels along a side of a position.
        cells: Cells of the slide.

    Returns:
        float64 array (R, C), NaN where no position of a cell has a logit.

    Raises:
        ValueError: the map is not of that slide.
    """
    logits, shape = np.asarray(logits, np.float64), cells.pixels.shape
    extent = [count * cells.cell for count in shape]
    if logits.ndim != 2 or any(abs(n * stride - e) >= max(stride, cells.cell) for n, e in zip(logits.shape, extent)):
        raise ValueError(f"Expected a map of {shape[0]} x {shape[1]} cells of {cells.cell} pixels. Received: positions "
                         f"of {stride} pixels, shape {logits.shape}")
    if stride == cells.cell:
        return logits
    down, across = (_overlaps(count, cells.cell, n, stride) for count, n in zip(shape, logits.shape))
    known = np.isfinite(logits)
    total, share = (down @ values @ across.T for values in (np.where(known, logits, 0.0), known.astype(np.float64)))
    return np.divide(total, share, out=np.full(shape, np.nan), where=share > 0)


def _overlaps(count, cell, positions, stride):
    """How many pixels each of `count` cells shares with each position, along one axis: sparse (count, positions)."""
    ends = np.union1d(np.arange(count + 1) * cell, np.arange(positions + 1) * stride)
    ends = ends[ends <= min(count * cell, positions * stride)]
    start, length = ends[:-1], np.diff(ends).astype(np.float64)
    return csr_array((length, (start // cell, start // stride)), shape=(count, positions))


def slide_pixels(cells, logits):
    """The SlidePixels of a slide whose truth is known.

    Args:
        cells: its Cells.
        logits: (R, C), of the cells, NaN where there is no answer.
    """
    within = np.minimum(cells.positive, cells.tissue)
    outside = cells.positive - within
    truth = np.stack([within, cells.tissue - within]), np.stack([outside, cells.pixels - cells.tissue - outside])
    answered, tissue = np.isfinite(logits), cells.tissue > 0
    positive, negative = truth[0][:, answered & tissue]
    unanswered, background = truth[0][:, ~answered].sum(axis=1), truth[1].sum(axis=(1, 2))
    return SlidePixels(np.asarray(logits, np.float64)[answered & tissue], positive, negative, unanswered, background)
