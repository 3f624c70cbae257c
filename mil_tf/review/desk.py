"""All that the page and `--status` tell of a folder: its slices, the decisions, the order, the agreement."""

import hashlib
import threading

from mil_tf.review import order
from mil_tf.review.agreement import disagreements, pairs
from mil_tf.review.candidates import CandidateError, path_of, read_slice, read_table
from mil_tf.review.decisions import SKIP, UNDO, Ledger, Row, checked, judged, resolved, standing
from mil_tf.review.picture import WINDOWS, colour, outlines, png
from mil_tf.review.progress import counts, seconds_each

AHEAD = 24  # ids that the page gets to know before their turn; our decision
TRAIL = 200  # decisions that can be taken back on the page after it was loaded anew; our decision
RULE = "A slice that several people judged is accepted only where all of them accept it."
# The paper's criterion (section 3, stage 2): few false positives, the extent of true positives not considered, no edit.
CRITERION = ("Accept where there are few false positives.",
             "How much of the bleeding is outlined does not matter.",
             "Never edit: accept the outline as it is, or reject it.")


class Desk:
    """A folder of candidates with its decisions.

    Args:
        folder: see `mil_tf.review.candidates`.
        how: one of order.ORDERS.
        share: of the slices that every reviewer judges, from 0 to 1.
        seed: of the order.

    Raises:
        CandidateError: the folder is none, or no slice of its table can be shown.
    """

    def __init__(self, folder, how="shuffled", share=0.1, seed=0):
        self.table, self.ledger = read_table(folder), Ledger(folder)
        self.unreadable = {}
        self._lock = threading.Lock()
        for id in self.table.rows:
            if not path_of(folder, id).is_file():
                self.unreadable[id] = f"{id}: Expected {path_of(folder, id)}. Received: no such file."
        self._ids = order.ordered(self.table.rows, how, seed)
        self.shared = order.everyones(self.table.rows, share, seed)
        if not self.ids():
            raise CandidateError(f"Expected slices to review in {folder}. Received: none that is there; "
                                 f"{len(self.unreadable)} are in the table, such as {next(iter(self.unreadable))}.")

    def ids(self):
        """Those that can be shown, in order."""
        return tuple(id for id in self._ids if id not in self.unreadable) if self.unreadable else self._ids

    def setup(self):
        """What the page needs to know once."""
        return {
            "key": hashlib.sha256(str(self.table.folder.resolve()).encode()).hexdigest()[:16],
            "classes": [{"name": name, "colour": colour(at)} for at, name in enumerate(self.table.classes)],
            "windows": [window._asdict() for window in WINDOWS.values()],
            "madeBy": self.table.made_by, "criterion": CRITERION, "rule": RULE,
        }

    def record(self, id):
        """What the page needs to draw a slice. Raises CandidateError, and leaves the slice out from then on."""
        shown = self._slice(id)
        height, width = shown.hu.shape
        one = self.table.rows[id]
        return {"id": id, "patient": one.patient, "label": list(one.label), "height": height, "width": width,
                "spacing": shown.spacing, "outlines": outlines(shown.prediction)}

    def png(self, id, window):
        """The bytes of a slice's picture in one of WINDOWS. Raises as `record`."""
        return png(self._slice(id).hu, WINDOWS[window])

    def _slice(self, id):
        if id not in self.table.rows:
            raise CandidateError(f"Expected the id of a candidate. Received: {id!r}.")
        try:
            return read_slice(self.table, id)
        except CandidateError as error:
            with self._lock:
                self.unreadable[id] = str(error)
            raise

    def stands(self):
        """({id: {reviewer: [decisions]}} of this table's ids, rows, problems in words)."""
        rows, problems = self.ledger.read()
        known = [row for row in rows if row.id in self.table.rows]
        strange = len({row.id for row in rows} - set(self.table.rows))
        if strange:
            problems = [*problems, f"{strange} ids in {self.ledger.path.name} are not in the table and are left out"]
        return standing(known), known, problems

    def state(self, reviewer, mode=""):
        """How far the work is, and what is next for a reviewer.

        Args:
            mode: "" for what is to be judged, "skipped" or "second" for what comes again only on demand.
        """
        (stands, rows, problems), ids = self.stands(), self.ids()
        queue = order.queue(ids, self.shared, stands, reviewer)
        usual = queue.own + queue.left
        share, each = len(queue.own) or len(queue.left), seconds_each(rows, reviewer)
        # All that were skipped, as whoever skips them again is to get to the end of them.
        coming = queue.skipped if mode == "skipped" else (queue.second if mode == "second" else usual)[:AHEAD]
        return {
            **counts(ids, resolved(judged(stands))), "mine": sum(_is_done(by, reviewer) for by in stands.values()),
            "reviewers": len({row.reviewer for row in rows} | {reviewer}), "left": share, "queue": coming,
            "seconds": None if each is None else each * share,
            "skipped": len(queue.skipped), "second": len(queue.second),
            "problems": [*problems, *self.unreadable.values()],
        }

    def trail(self, reviewer):
        """[[id, decision]] of a reviewer's decisions that stand, as they were made, the last TRAIL of them."""
        trail = []
        for row in self.stands()[1]:
            if row.reviewer == reviewer:
                _follow(trail, row)
        return trail[-TRAIL:]

    def decide(self, reviewer, rows):
        """Writes decisions, {"time", "id", "decision"} each; they are on the disk afterwards.

        Returns:
            [why a row was refused, in words]; the others are written.
        """
        good, refused = [], []
        for given in rows:
            try:
                good.append(self._row(reviewer, given))
            except CandidateError as error:
                refused.append(str(error))
        self.ledger.append(good)
        return refused

    def _row(self, reviewer, given):
        if not isinstance(given, dict) or given.get("id") not in self.table.rows:
            raise CandidateError(f"Expected a decision on a candidate. Received: {given!r}.")
        return checked(Row(given.get("time"), reviewer, given["id"], given.get("decision")))

    def agreement(self):
        """[{"first", "second", "n", "agree", "kappa": in words}] of those who judged the same slices."""
        verdicts = judged(self.stands()[0])
        found = [pair._asdict() | {"kappa": pair.kappa.told(2)} for pair in pairs(verdicts, self.table)]
        return {"pairs": found, "differ": len(disagreements(verdicts))}


def _is_done(by, reviewer):
    return reviewer in by and by[reviewer][-1] != SKIP


def _follow(trail, row):
    if row.decision != UNDO:
        trail.append([row.id, row.decision])
        return
    for place in range(len(trail) - 1, -1, -1):
        if trail[place][0] == row.id:
            del trail[place]
            return
