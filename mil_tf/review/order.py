"""Which slices a reviewer sees, and which first.

The order comes from hashes of the ids with a seed: the same for all reviewers and servers, and as it was where slices
are added later. A share of the slices goes to every reviewer, so that their agreement can be measured. Each of the
others belongs to one of those who take part (rendezvous hashing: whoever joins takes an equal share from each), so
that two people at work do not judge the same; who has finished goes on with what the others have not done yet.
"""

import functools
import hashlib
from typing import NamedTuple

from mil_tf.review.decisions import SKIP

ORDERS = ("shuffled", "table")


class Queue(NamedTuple):
    """Ids, first ones first, that a reviewer has not judged.

    Attributes:
        own: everyone's, and of the others those of this reviewer that nobody has judged.
        left: what others would judge but have not yet.
        second: what someone else has judged.
        skipped: what this reviewer skipped.
    """

    own: list
    left: list
    second: list
    skipped: list


def _rank(*words):
    return hashlib.sha256("\n".join(map(str, words)).encode()).digest()


def ordered(ids, how="shuffled", seed=0):
    """The ids as a tuple: `shuffled` by the seed, or as in the `table`."""
    return tuple(ids) if how == "table" else tuple(sorted(ids, key=lambda id: _rank(seed, "order", id)))


def everyones(ids, share, seed=0):
    """The share of the ids, as a set, that every reviewer judges."""
    drawn = sorted(ids, key=lambda id: _rank(seed, "everyone", id))
    return frozenset(drawn[:round(share * len(drawn))])


@functools.lru_cache(maxsize=8)
def _owners(ids, reviewers):
    """{id: whose it is}."""
    return {id: max(reviewers, key=lambda name: _rank(name, id)) for id in ids}


def queue(ids, shared, stands, reviewer):
    """The Queue of a reviewer.

    Args:
        ids: tuple, in order.
        shared: those that everyone judges.
        stands: {id: {reviewer: [decisions]}}, from `decisions.standing`; who is among them takes part.
        reviewer: name, who takes part as well.
    """
    names = {name for by in stands.values() for name in by} | {reviewer}
    owner, found = _owners(ids, tuple(sorted(names))), Queue([], [], [], [])
    for id in ids:
        by = stands.get(id, {})
        if reviewer in by:
            if by[reviewer][-1] == SKIP:
                found.skipped.append(id)
        elif id in shared:
            found.own.append(id)
        elif any(stack[-1] != SKIP for stack in by.values()):
            found.second.append(id)
        else:
            (found.own if owner[id] == reviewer else found.left).append(id)
    # Each reviewer who is done begins elsewhere, so that two of them do not go side by side.
    return found._replace(left=sorted(found.left, key=lambda id: _rank(reviewer, "left", id)))
