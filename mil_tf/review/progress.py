"""How far the review is, and how long it takes yet."""

import datetime
import statistics

from mil_tf.review.decisions import ACCEPT, UNDO

RECENT = 40  # decisions that tell a reviewer's speed; our decision
PAUSE_S = 120.0  # from one decision to the next; more is a coffee break; our decision
LEAST = 5  # decisions before a time is told; our decision


def seconds_each(rows, reviewer):
    """The median time of this reviewer's recent decisions, None before there are enough.

    A pause says nothing about how long a slice takes, so longer ones are left out, and the median bears the rest.

    Args:
        rows: [decisions.Row] in the file's order.
    """
    times = [moment(row.time) for row in rows if row.reviewer == reviewer and row.decision != UNDO]
    gaps = [later - before for before, later in zip(times, times[1:])]
    recent = [gap for gap in gaps if 0 <= gap <= PAUSE_S][-RECENT:]
    return statistics.median(recent) if len(recent) >= LEAST else None


def moment(text):
    """Seconds since 1970 of a row's time; 0 where there is no such day."""
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0


def counts(ids, outcome):
    """{"total", "judged", "accepted", "rejected"} of the ids.

    Args:
        outcome: {id: "accept" or "reject"}, from `decisions.resolved`.
    """
    verdicts = [outcome[id] for id in ids if id in outcome]
    accepted = verdicts.count(ACCEPT)
    return {"total": len(ids), "judged": len(verdicts), "accepted": accepted, "rejected": len(verdicts) - accepted}
