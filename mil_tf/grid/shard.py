"""`--shard I/N`: the I-th of N shares of a grid, for one task of a job array."""

import heapq
import re
from typing import NamedTuple

from mil_tf.options import OptionError


class Shard(NamedTuple):
    """The share `index` of `count`, counted from 1."""

    index: int
    count: int


def parse(text):
    """The Shard that "2/8" names. Raises OptionError."""
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    shard = Shard(*map(int, found.groups())) if found else None
    if not shard or not 1 <= shard.index <= shard.count:
        raise OptionError(f"--shard: Expected I/N, I from 1 to N, such as 2/8. Received: {text!r}.")
    return shard


def share(jobs, shard):
    """The jobs of one share, in their order; those of all shares are the grid, each once.

    The largest job first, each goes to the share that has fewest bags so far (Graham 1969, "longest processing time
    first"), so that no two shares differ by more than the largest job. What is finished is not looked at, so that a
    share is the same whenever it is asked for.
    """
    loads = [(0, index) for index in range(1, shard.count + 1)]
    mine = set()
    for place in sorted(range(len(jobs)), key=lambda place: -jobs[place].bags):
        bags, index = loads[0]
        heapq.heapreplace(loads, (bags + jobs[place].bags, index))
        if index == shard.index:
            mine.add(place)
    return [job for place, job in enumerate(jobs) if place in mine]
