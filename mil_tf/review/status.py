"""What `--status` prints."""

from mil_tf.review.decisions import ACCEPT, judged, resolved
from mil_tf.review.desk import RULE
from mil_tf.review.progress import counts, seconds_each
from preprocessing.progress import duration


def lines(desk):
    """How far a folder's review is, who did what, and how far they agree: lines of text."""
    stands, rows, problems = desk.stands()
    told = desk.agreement()
    return [_whole(desk, stands), *_reviewers(stands, rows), *_agreement(told), *problems, *desk.unreadable.values()]


def _whole(desk, stands):
    found = counts(desk.ids(), resolved(judged(stands)))
    return "{judged} of {total} slices judged: {accepted} accepted, {rejected} rejected".format(**found)


def _reviewers(stands, rows):
    by = {}
    for verdicts in judged(stands).values():
        for name, verdict in verdicts.items():
            by.setdefault(name, []).append(verdict == ACCEPT)
    return [f"  {name}: {len(given)} judged, {sum(given)} accepted{_pace(rows, name)}"
            for name, given in sorted(by.items())]


def _pace(rows, name):
    each = seconds_each(rows, name)
    return "" if each is None else f", {duration(each)} a slice"


def _agreement(told):
    if not told["pairs"]:
        return ["no slice was judged by two people yet, so there is no kappa"]
    found = ["Cohen's kappa {first} and {second}: {kappa}, on {n} slices, of which {agree} alike".format(**pair)
             for pair in told["pairs"]]
    return [*found, f"{told['differ']} slices on which people differ. {RULE}"]
