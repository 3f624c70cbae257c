"""The page as a folder for people without the server, and the way back of the decisions that it saves.

    DIR/index.html    opens in a browser as a file, without a network
    DIR/slices.js     what is known of the slices, and their outlines
    DIR/images/       a PNG file for each slice and window
    DIR/review.css, review.js, view.js, offline.js

Decisions stay in the browser (localStorage) until they are saved as a decisions.csv, which `take_in` adds to the
folder's.
"""

import json
import shutil
from pathlib import Path

from mil_tf.review import order
from mil_tf.review.candidates import CandidateError
from mil_tf.review.decisions import read_rows
from mil_tf.review.picture import WINDOWS
from mil_tf.review.server import PAGES

FILES = ("review.css", "review.js", "view.js", "offline.js")


def export(desk, folder, reviewer=None):
    """Writes the page of a `desk.Desk` to a folder; returns what was done, in words.

    Args:
        folder: new or empty.
        reviewer: whose page it is: then of what this person has yet to judge; all slices where it is None.

    Raises:
        CandidateError: the folder holds something, or there is nothing to judge.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CandidateError(f"Expected a new or empty folder to export to. Received: {folder}, which holds something.")
    ids = _ids(desk, reviewer)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    records, left_out = [], []
    for id in ids:
        try:
            records.append(_write_slice(desk, id, folder / "images", len(records)))
        except CandidateError as error:
            left_out.append(str(error))
    if not records:
        raise CandidateError(f"Expected slices to export. Received: none that can be read; {left_out[0]}")
    _write_page(folder, {**desk.setup(), "reviewer": reviewer, "records": records,
                         "problems": [*desk.unreadable.values()]})
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    told = f"{len(records)} slices in {folder}, {size / 1e6:.1f} MB; open {folder / 'index.html'}"
    return "\n".join([told, *left_out])


def _ids(desk, reviewer):
    if reviewer is None:
        return desk.ids()
    queue = order.queue(desk.ids(), desk.shared, desk.stands()[0], reviewer)
    if not queue.own + queue.left:
        raise CandidateError(f"Expected slices that {reviewer} has yet to judge. Received: none are left.")
    return queue.own + queue.left


def _write_slice(desk, id, folder, number):
    for window in WINDOWS:
        (folder / f"{number:05d}-{window}.png").write_bytes(desk.png(id, window))
    return {**desk.record(id), "image": f"images/{number:05d}"}


def _write_page(folder, setup):
    for name in FILES:
        shutil.copyfile(PAGES / name, folder / name)
    page = (PAGES / "review.html").read_text(encoding="utf-8")
    scripts = page.replace("/pages/", "").replace('<script src="STORE.js"',
                                                  '<script src="slices.js" defer></script>\n<script src="offline.js"')
    # "<" could end a script; U+2028 and the like are escaped by JSON's ASCII.
    text = json.dumps(setup).replace("<", "\\u003c")
    (folder / "slices.js").write_text(f"window.REVIEW = {text};\n", encoding="utf-8")
    (folder / "index.html").write_text(scripts, encoding="utf-8")


def take_in(desk, file):
    """Adds the decisions of a file to the folder's, those that are there already once.

    Returns:
        (what was done in words, [lines that were left out and why]).

    Raises:
        CandidateError: the file cannot be read, or has no decision.
    """
    try:
        rows, problems = read_rows(Path(file).read_bytes())
    except OSError as error:
        raise CandidateError(f"Expected a decisions.csv that an exported page has saved. Received: {error}.") from error
    if not rows:
        raise CandidateError(f"Expected time, reviewer, id, decision in {file}. Received: no such row.")
    known = [row for row in rows if row.id in desk.table.rows]
    strange = sorted({row.id for row in rows} - set(desk.table.rows))
    new = desk.ledger.append(known)
    told = f"{new} decisions taken in from {file}, {len(known) - new} were there already"
    return told, [*problems, *(f"{id!r} is not the id of a candidate; its decisions are left out" for id in strange)]
