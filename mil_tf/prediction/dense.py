"""One map over a slide of any size: a fully convolutional network on windows that overlap, with no seams.

Every window is read with `margin` pixels of what lies around it, and only the positions of its inside are kept. Where
the margin is the network's (`mil_tf.models.receptive`), none of them depends on where the windows end: the map is that
of the whole slide in one pass, which no memory holds. At the slide's own border nothing is added that one pass would
not have either.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

WINDOW = 2048  # pixels a side: the margin of a ResNet-50 adds half as much again (our decision)


def dense_map(forward, read, shape, stride, margin, window=WINDOW, wanted=None, show=None):
    """Scores every position of a slide.

    While a window is scored the next is read, so that two are in memory at a time, however large the slide is.

    Args:
        forward: function float32 (1, h, w, 3) -> (1, h / stride, w / stride), of sides that the stride divides.
        read: function (row, column, height, width) -> uint8 (height, width, 3); white outside the slide.
        shape: (rows, columns) of the slide.
        stride: pixels between two positions.
        margin: pixels around a window after which nothing reaches its inside; a multiple of the stride.
        window: pixels a side of what is kept of one pass; a multiple of the stride.
        wanted: bool (ceil(rows / stride), ceil(columns / stride)), the positions to score; all unless given. Windows
            without any are not read.
        show: function (done, windows), called before the first window and after each.

    Returns:
        float32 (ceil(rows / stride), ceil(columns / stride)); NaN where nothing was wanted.

    Raises:
        ValueError: an argument, or what `read` or `forward` gives, is not as above.
    """
    _check(shape, stride, margin, window)
    cells = tuple(-(-side // stride) for side in shape)
    wanted = np.ones(cells, bool) if wanted is None else np.asarray(wanted, bool)
    if wanted.shape != cells:
        raise ValueError(f"Expected `wanted` of shape {cells}. Received: {wanted.shape}.")
    found = np.full(cells, np.nan, np.float32)
    boxes = windows(wanted, window // stride)
    around = [_around(box, margin // stride, cells) for box in boxes]
    pixels = _ahead(read, around, stride)
    if show is not None:
        show(0, len(boxes))
    for done, (box, seen) in enumerate(zip(boxes, around), 1):
        scored = _scored(forward, next(pixels), stride)  # no name is left that would keep them while the next come
        inside = tuple(slice(at.start - outer.start, at.stop - outer.start) for at, outer in zip(box, seen))
        found[box] = np.where(wanted[box], scored[inside], np.float32(np.nan))
        if show is not None:
            show(done, len(boxes))
    return found


def windows(wanted, side):
    """The least boxes around what is wanted in each square of `side` positions, row by row.

    Args:
        wanted: bool (rows, columns).
        side: positions.

    Returns:
        [(slice of rows, slice of columns)], without the squares that have nothing.
    """
    found = []
    for row in range(0, wanted.shape[0], side):
        for column in range(0, wanted.shape[1], side):
            square = wanted[row : row + side, column : column + side]
            if square.any():
                found.append(tuple(_span(square.any(axis=1 - axis), at) for axis, at in enumerate((row, column))))
    return found


def _span(any_there, start):
    places = np.flatnonzero(any_there)
    return slice(start + int(places[0]), start + int(places[-1]) + 1)


def _around(box, margin, cells):
    """The box with its margin, within the slide: past its border one pass over the whole has nothing either."""
    return tuple(slice(max(0, at.start - margin), min(end, at.stop + margin)) for at, end in zip(box, cells))


def _ahead(read, boxes, stride):
    """Yields the pixels of each box while the next ones are read; it lets go of them when it is asked for those."""
    with ThreadPoolExecutor(1) as reader:
        waiting = [reader.submit(_pixels, read, box, stride) for box in boxes[:1]]
        for following in [*boxes[1:], None]:
            pixels = waiting.pop().result()
            if following is not None:
                waiting.append(reader.submit(_pixels, read, following, stride))
            yield pixels
            del pixels


def _pixels(read, box, stride):
    row, column = (at.start * stride for at in box)
    height, width = ((at.stop - at.start) * stride for at in box)
    pixels = read(row, column, height, width)
    if pixels.shape != (height, width, 3):
        raise ValueError(f"Expected `read` to give {(height, width, 3)}. Received: {pixels.shape}.")
    return pixels


def _scored(forward, pixels, stride):
    expected = (1, pixels.shape[0] // stride, pixels.shape[1] // stride)
    found = np.asarray(forward(pixels[None].astype(np.float32)))
    if found.shape != expected:
        raise ValueError(f"Expected `forward` to give {expected} of {pixels.shape} pixels. Received: {found.shape}.")
    return found[0]


def _check(shape, stride, margin, window):
    if min(shape) < 1 or stride < 1:
        raise ValueError(f"Expected a `shape` and a `stride` of at least 1. Received: shape={shape}, stride={stride}.")
    if margin < 0 or margin % stride:
        raise ValueError(f"Expected `margin` to be a multiple of {stride}, the stride. Received: margin={margin}.")
    if window < stride or window % stride:
        raise ValueError(f"Expected `window` to be a multiple of {stride}, the stride. Received: window={window}.")
