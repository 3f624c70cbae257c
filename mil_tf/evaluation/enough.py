"""How many bags are enough: which sizes fall short of the largest, which are as good, and where one cannot tell.

Sizes are compared by their shortfall, largest minus smaller, fold by fold: the folds' training sets are nested and
their test bags the same, so what makes a fold easy falls out of the difference. Its 95 % interval is Student's t over
the folds.

Two different questions are answered. A size *reaches* the largest where the interval holds zero: it is not shown to be
worse, which few folds make easy. It is *as good* where the whole interval lies below a margin that would not matter: a
non-inferiority test (Piaggio et al., JAMA 308(24), 2012), which few folds make hard. Either is searched from the
largest size down to the first that fails. So one lucky small size does not count, and the second claim needs no
correction for the number of sizes (a fixed sequence of tests: Maurer, Hothorn and Lehmacher, 1995).
"""

from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.readings import Across
from mil_tf.evaluation.sizes import shortfall

MARGIN = 0.01  # our decision: one point of a hundred; --margin changes it


class Compared(NamedTuple):
    """One size beside the largest; `worse` and `as_good` are both False where the folds cannot tell."""

    bags: int
    shortfall: Across
    worse: bool
    as_good: bool

    @property
    def verdict(self):
        """In words, for a table."""
        if self.worse:
            return "worse, by less than the margin" if self.as_good else "worse"
        if np.isnan(self.shortfall.low):
            return self.shortfall.note
        return "as good" if self.as_good else "not told apart"


class Enough(NamedTuple):
    """`reached` and `as_good` are the smallest sizes of the two kinds, the largest itself where no other is."""

    largest: int
    margin: float
    compared: list
    reached: int
    as_good: int


def enough(sizes, key, margin=MARGIN):
    """Compare every size with the largest.

    Args:
        sizes: list of Size, ascending, at least one.
        key: (metric, rule).
        margin: shortfall that would not matter.
    """
    largest = sizes[-1]
    compared = [_compare(size, shortfall(size, largest, key), margin) for size in sizes[:-1]]
    return Enough(largest.bags, margin, compared,
                  _smallest(compared, lambda one: not one.worse and not np.isnan(one.shortfall.low), largest.bags),
                  _smallest(compared, lambda one: one.as_good, largest.bags))


def _compare(size, found, margin):
    # NaN compares as False: where there is no interval nothing is claimed.
    return Compared(size.bags, found, bool(found.low > 0), bool(found.high <= margin))


def _smallest(compared, holds, largest):
    smallest = largest
    for one in reversed(compared):
        if not holds(one):
            break
        smallest = one.bags
    return smallest


def answer_in_words(found, metric, folds):
    """The answer as sentences.

    Args:
        found: an Enough.
        metric: what it is called, such as "average precision".
        folds: number of folds of the largest size.
    """
    if not found.compared:
        return [f"There is one size only, {_number(found.largest)} bags, so nothing can be said about fewer."]
    if all(np.isnan(one.shortfall.low) for one in found.compared):
        return ["The data cannot tell how many bags are enough: no size shares two folds with "
                f"{_number(found.largest)} bags, and without them there is no interval."]
    if not any(one.worse or one.as_good for one in found.compared):
        return [_cannot_tell(found, metric, folds)]
    return [_reached(found, metric), *_worse(found, metric), *_as_good(found, metric), *_out_of_line(found)]


def _cannot_tell(found, metric, folds):
    smallest = found.compared[0]
    allowed = max(one.shortfall.high for one in found.compared if not np.isnan(one.shortfall.high))
    return (f"The data cannot tell how many bags are enough: over {folds} folds no size's {metric} differs from that "
            f"of {_number(found.largest)} bags, not even that of {_number(smallest.bags)}, but a shortfall of up to "
            f"{allowed:.3f} is not excluded either.")


def _reached(found, metric):
    largest = _number(found.largest)
    if found.reached == found.largest:
        return (f"{largest} bags are not known to be enough: already the next smaller size, "
                f"{_number(found.compared[-1].bags)}, is worse in {metric}, or shares too few folds to be compared.")
    return (f"{_number(found.reached)} bags is the smallest size whose {metric} reaches that of {largest}: from there "
            "on the 95 % interval of the difference, fold by fold, holds zero.")


def _worse(found, metric):
    worse = [one for one in found.compared if one.worse]
    if not worse:
        return ["No size is shown to be worse."]
    told = _listed([f"{_number(one.bags)} (by {_interval(one.shortfall)})" for one in worse])
    return [f"Worse than {_number(found.largest)} beyond the spread over folds: {told}."]


def _as_good(found, metric):
    margin = f"{found.margin:g}"
    said = [f"Shown to be as good, to within {margin} of {metric}: {_number(found.as_good)} bags and more."]
    if found.as_good == found.largest:
        said = [f"No smaller size is shown to be as good to within {margin}."]
    # Between the two answers lies what is neither worse nor as good.
    between = [one.shortfall.high for one in found.compared if found.reached <= one.bags < found.as_good]
    if between:
        said.append(f"Not to be told apart is not the same as being as good: from {_number(found.reached)} bags on a "
                    f"shortfall of up to {max(between):.3f} is not excluded.")
    return said


def _out_of_line(found):
    """A size below the answer that looks as good as a larger one that is worse."""
    odd = [one.bags for one in found.compared
           if one.bags < found.reached and not one.worse and not np.isnan(one.shortfall.low)]
    if not odd:
        return []
    return [f"{_listed(list(map(_number, odd)))} bags cannot be told from {_number(found.largest)} either, but a "
            "larger size can: the curve does not rise steadily there, or its folds scatter too much."]


def _interval(one):
    return f"{one.mean:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _listed(words):
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _number(bags):
    return f"{bags:,}"
