"""Mean and standard deviation of the channels of a training set, which need not fit into memory."""

import numpy as np


def moments(batches, of):
    """The constants that standardise.

    Args:
        batches: iterable of arrays (..., channels), each gone through once.
        of: what they are of, in words.

    Returns:
        (mean, std): two tuples of as many floats as there are channels.

    Raises:
        ValueError: where there is no pixel, or a channel is the same everywhere.
    """
    count, total, squares = 0, 0.0, 0.0
    for batch in batches:
        values = np.asarray(batch, np.float64)
        values = values.reshape(-1, values.shape[-1])
        count, total, squares = count + len(values), total + values.sum(axis=0), squares + (values**2).sum(axis=0)
    mean = np.asarray(total / max(count, 1))
    variance = np.asarray(squares / max(count, 1) - mean**2)
    if not (variance > 0).all():
        raise ValueError(f"Expected {of} that vary in every channel. Received: {count} pixels, variances {variance}")
    return tuple(mean.tolist()), tuple(np.sqrt(variance).tolist())
