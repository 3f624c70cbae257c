"""Loopy belief propagation in a binary Markov random field on a grid (Pearl 1988; Frey 1998, cited by kraus2016).

    p(x)  is proportional to  exp(sum_i u_i x_i + J sum_(i,j) [x_i = x_j]),    x_i 0 or 1,

over the pairs (i, j) of 4-neighbours. A message is one number, the log odds that i gives j; with h what i believes
without j, it is

    log((e^(h + J) + 1) / (e^h + e^J))    (sum-product: marginals),
    max(h + J, 0) - max(h, J), which is h cut off at -J and J    (max-product: the likeliest labelling).

All messages of the grid are sent at once, each damped by what it was before. On a grid of one row or column the answer
is exact. On others it is Bethe's approximation (Yedidia et al., Understanding belief propagation, 2003): good while the
coupling is weak, and too sure of itself where it is strong; benchmarks/belief.py has by how much.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

KINDS = ("sum", "max")
# Message d goes one step along AXIS[d], upwards in index where FORWARD[d]; the one that answers it is REVERSE[d].
AXIS, FORWARD, REVERSE = (0, 0, 1, 1), (True, False, True, False), (1, 0, 3, 2)


class Belief(NamedTuple):
    """What belief propagation found.

    Attributes:
        marginals: float64 (h, w), p(x_i = 1); of max-product the odds of the best labelling with x_i = 1 to the best
            with 0, as a probability.
        converged: whether messages changed by less than the tolerance in the end.
        iterations: how often all messages were sent.
        residual: the largest change of a message that the last time would have made undamped, in log odds.
    """

    marginals: np.ndarray
    converged: bool
    iterations: int
    residual: float

    @property
    def labels(self):
        """bool (h, w): where 1 is likelier than 0."""
        return self.marginals > 0.5

    def __str__(self):
        said = "converged" if self.converged else "did not converge"
        times = f"{self.iterations} iteration{'' if self.iterations == 1 else 's'}"
        return f"belief propagation {said} in {times}, last change {self.residual:.2g}"


def belief_propagation(unary, coupling, damping=0.5, tolerance=1e-4, iterations=200, kind="sum"):
    """Marginals of a binary field.

    Args:
        unary: (h, w), u: log odds of 1 to 0 of each pixel by itself, finite.
        coupling: J: how much likelier, in log, neighbours are the same than not; below 0 where they rather differ.
        damping: share of the old message in the new one, 0 or above and below 1.
        tolerance: largest change of a message, in log odds, from below which they count as converged.
        iterations: at most so many.
        kind: "sum" (marginals) or "max" (likeliest labelling).

    Returns:
        A Belief, whose `converged` says whether it did.

    Raises:
        ValueError: where an argument is none of these.
    """
    unary = np.asarray(unary, np.float64)
    _check(unary, coupling, damping, tolerance, iterations, kind)
    send = _summed if kind == "sum" else _maximal
    messages, total, residual, count = [np.zeros_like(unary) for _ in AXIS], unary, np.inf, 0
    while residual >= tolerance and count < iterations:
        count += 1
        new = [send(total - messages[back], coupling) for back in REVERSE]
        new = [_moved(each, axis, forward) for each, axis, forward in zip(new, AXIS, FORWARD)]
        residual = float(max(np.abs(one - old).max(initial=0) for one, old in zip(new, messages)))
        messages = [damping * old + (1 - damping) * one for one, old in zip(new, messages)]
        total = unary + sum(messages)
    return Belief(expit(total), residual < tolerance, count, residual)


def _summed(h, coupling):
    """The sum-product message, without a large exponential."""
    near = np.log((1 + np.exp(-np.abs(h + coupling))) / (1 + np.exp(-np.abs(h - coupling))))
    return _maximal(h, coupling) + near


def _maximal(h, coupling):
    return np.sign(coupling) * np.clip(h, -abs(coupling), abs(coupling))


def _moved(sent, axis, forward):
    """What each pixel is sent by its neighbour; 0 where it has none there."""
    received = np.zeros_like(sent)
    to, of = (slice(1, None), slice(None, -1)) if forward else (slice(None, -1), slice(1, None))
    lead = (slice(None),) * axis
    received[(*lead, to)] = sent[(*lead, of)]
    return received


def _check(unary, coupling, damping, tolerance, iterations, kind):
    if unary.ndim != 2 or not unary.size or not np.isfinite(unary).all():
        raise ValueError(f"Expected `unary` (h, w) of finite numbers. Received: shape {unary.shape}, or others in it")
    if np.ndim(coupling) or not np.isfinite(coupling):
        raise ValueError(f"Expected `coupling` as a finite number. Received: coupling={coupling!r}")
    if not 0 <= damping < 1:
        raise ValueError(f"Expected `damping` of 0 or above and below 1. Received: damping={damping!r}")
    if not tolerance > 0 or iterations < 1:
        raise ValueError("Expected `tolerance` above 0 and `iterations` of at least 1. Received: "
                         f"tolerance={tolerance!r}, iterations={iterations!r}")
    if kind not in KINDS:
        raise ValueError(f"Expected `kind` to be one of {KINDS}. Received: kind={kind!r}")
