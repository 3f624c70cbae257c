"""The page in a real browser: what keys do, reloads, two reviewers at once, a server that is killed."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mil_tf
from mil_tf.review.candidates import path_of
from mil_tf.review.decisions import Ledger, decisions
from mil_tf.review.desk import Desk
from mil_tf.review.offline import export, take_in
from mil_tf.review.order import everyones
from tests import browser

pytest.importorskip("flask")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(browser.find() is None, reason=f"none of {', '.join(browser.NAMES)} is on the PATH"),
]
ROOT = Path(mil_tf.__file__).parent.parent
AHEAD = "upcoming().slice(0, 2).every((id) => ready.has(`${id} brain`))"
DRAWN = "typeof page === 'object' && page.here !== null && page.drawn === page.here && page.here"
SAVED = "store.waiting().length === 0 && !store.busy"
WHOLE = "document.documentElement.scrollHeight <= innerHeight && find('side').scrollHeight <= innerHeight"


class Server:
    """`python -m mil_tf.review` in a process of its own, which can be killed and started again at the same port."""

    def __init__(self, folder, *args):
        self.folder, self.args, self.port = folder, args, 0
        self.start()

    def start(self):
        command = [sys.executable, "-m", "mil_tf.review", str(self.folder), "--port", str(self.port), *self.args]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.port = int(re.search(r"127\.0\.0\.1:(\d+)/", self.process.stdout.readline())[1])

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.communicate()

    def address(self, name):
        return f"http://127.0.0.1:{self.port}/?reviewer={name}"


@pytest.fixture
def serve(folder, chromium):
    """serve(folder, *args) -> Server."""
    started = []

    def start(where=folder, *args):
        started.append(Server(where, *args))
        return started[-1]

    yield start
    chromium.open("about:blank")  # or what it still loads is an error of the next page
    for one in started:
        one.kill()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    found = browser.Browser(browser.find(), tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def another(tmp_path_factory):
    found = browser.Browser(browser.find(), tmp_path_factory.mktemp("another-profile"))
    yield found
    found.close()


def begin(chromium, server, name="anna"):
    chromium.open(server.address(name), width=1280, height=800)
    return chromium.until(DRAWN)


def press(chromium, key):
    """Presses a key and waits until the next slice is on the screen; returns its id, or "" where all are done."""
    chromium.press(key)
    return chromium.until(f"({DRAWN}) || (!find('finished').hidden && 'finished')").replace("finished", "")


def rows(folder, name="anna"):
    return [(row.id, row.decision) for row in Ledger(folder).read()[0] if row.reviewer == name]


def text(chromium, id):
    return chromium.run(f"find('{id}').innerText")


def test_keys_judge_and_take_back(chromium, serve, folder):
    server = serve()
    first = begin(chromium, server)
    second = press(chromium, "a")
    third = press(chromium, "r")
    fourth = press(chromium, "s")
    assert len({first, second, third, fourth}) == 4
    assert press(chromium, "u") == third  # the skip is taken back, and its slice is on the screen again
    assert press(chromium, "u") == second
    assert text(chromium, "mine") == ""
    assert press(chromium, "a") == third
    chromium.until(SAVED)
    assert rows(folder) == [(first, "accept"), (second, "reject"), (third, "skip"), (third, "undo"), (second, "undo"),
                            (second, "accept")]
    assert decisions(folder) == {first: "accept", second: "accept"}
    chromium.until("find('counts').innerText === '2 of 6 judged'")
    assert text(chromium, "verdicts") == "2 accepted, 0 rejected"
    own = f"http://127.0.0.1:{server.port}/"
    assert chromium.errors() == [] and all(address.startswith(own) for address in chromium.requests())


def test_going_back_and_deciding_otherwise(chromium, serve, folder):
    first = begin(chromium, serve())
    second = press(chromium, "a")
    assert press(chromium, "ArrowLeft") == first
    assert text(chromium, "mine") == "You have accepted this slice."
    assert press(chromium, "r") == second  # and on, where it was
    assert press(chromium, "ArrowLeft") == first
    assert press(chromium, "u") == first
    assert text(chromium, "mine") == "You have accepted this slice."
    third = press(chromium, "ArrowRight") and press(chromium, "ArrowRight")
    assert third not in (first, second)
    chromium.until(SAVED)
    assert rows(folder) == [(first, "accept"), (first, "reject"), (first, "undo")]


def test_to_the_end_with_what_was_passed_and_skipped(chromium, serve, folder):
    first = begin(chromium, serve())
    press(chromium, "ArrowRight")  # passed without a decision: it comes again
    seen = [press(chromium, "s") for _ in range(5)]
    assert seen[-1] == first
    assert press(chromium, "a") == ""
    assert text(chromium, "finished-title") == "Nothing is left to judge"
    assert text(chromium, "again") == "Look again at 5 skipped"
    chromium.run("find('again').click()")
    again = chromium.until(DRAWN)
    assert press(chromium, "r") not in ("", again)
    assert [press(chromium, key) for key in "raas"][-1] == ""
    chromium.until(SAVED)
    assert sorted(decisions(folder).values()) == ["accept"] * 3 + ["reject"] * 2
    assert press(chromium, "u") != ""  # from the end back to the last
    assert text(chromium, "label") != ""


def test_a_key_held_down_judges_one_slice(chromium, serve, folder):
    begin(chromium, serve())
    for _ in range(5):
        chromium.call("Input.dispatchKeyEvent", type="keyDown", key="a", text="a", autoRepeat=True)
    time.sleep(0.3)
    assert rows(folder) == []


def test_nobody_judges_what_is_not_on_the_screen(chromium, serve, folder):
    begin(chromium, serve())
    chromium.run("page.drawn = null")
    chromium.press("a")
    time.sleep(0.3)
    assert rows(folder) == []


def test_a_reload_in_the_middle_keeps_the_place(chromium, serve, folder):
    server = serve()
    first = begin(chromium, server)
    press(chromium, "a")
    third = press(chromium, "r")
    chromium.call("Page.reload")
    time.sleep(0.3)
    assert chromium.until(DRAWN) == third
    chromium.until("find('counts').innerText.startsWith('2 of 6 judged')")
    press(chromium, "ArrowLeft")
    assert press(chromium, "ArrowLeft") == first  # the way back is there too
    assert rows(folder)[0] == (first, "accept")


def test_windows_zoom_and_outline(chromium, serve):
    begin(chromium, serve())
    shots = [chromium.screenshot()]
    for key in "234":
        chromium.press(key)
        chromium.until(f"find('corner-left').innerText.startsWith(page.setup.windows[{key} - 1].name)")
        time.sleep(0.3)
        shots.append(chromium.screenshot())
    chromium.press("o")
    shots.append(chromium.screenshot())
    chromium.press("+")
    shots.append(chromium.screenshot())
    assert len(set(shots)) == len(shots)
    chromium.press("0")
    chromium.press("o")
    chromium.press("1")
    time.sleep(0.3)
    assert chromium.run("view.zoom === 1 && view.outlined && page.windowName === 'brain'")
    assert chromium.errors() == []


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080)])
def test_all_is_seen_without_scrolling_and_has_a_name(chromium, serve, width, height):
    server = serve()
    chromium.open(server.address("anna"), width=width, height=height)
    chromium.until(DRAWN)
    assert chromium.run(WHOLE)
    assert chromium.run("[...document.querySelectorAll('button')].filter((one) => one.offsetParent).every((one) => one.getAttribute('aria-label') || one.textContent.trim())")
    label = chromium.run("find('canvas').getAttribute('aria-label')")
    assert re.match(r"CT slice scan \d/slice,\d, image label \w[\w ]+, outlined: \w+", label)


def test_the_name_is_asked(chromium, serve, folder):
    server = serve()
    chromium.call("Network.clearBrowserCookies")
    chromium.open(f"http://127.0.0.1:{server.port}/", width=1280, height=800)
    chromium.until("typeof page === 'object' && find('ask').open")
    chromium.call("Input.insertText", text=" Dr. Ü, ")
    chromium.press("a")  # goes into the field, not to the slice
    chromium.run("find('ask-form').requestSubmit()")
    chromium.until(DRAWN)
    assert text(chromium, "reviewer").startswith("Reviewer: Dr. Ü,")
    press(chromium, "a")
    chromium.until(SAVED)
    assert [row.decision for row in Ledger(folder).read()[0]] == ["accept"]
    chromium.open(f"http://127.0.0.1:{server.port}/", width=1280, height=800)
    chromium.until(DRAWN)
    assert text(chromium, "reviewer").startswith("Reviewer: Dr. Ü,")


def test_two_reviewers_at_once(chromium, another, serve, make_folder):
    where = make_folder(24)
    server, second_server = serve(where, "--overlap", "0.25"), serve(where, "--overlap", "0.25")
    ids = {chromium: begin(chromium, server, "anna"), another: begin(another, second_server, "ben")}
    count = 0
    while any(ids.values()):
        for one in (chromium, another):
            if ids[one]:
                shown = ids[one]
                ids[one] = press(one, "r" if count % 3 == 0 else "a")
                assert ids[one] != shown
                one.until(SAVED)
                count += 1
        assert count <= 48
    anna, ben = ({id for id, _ in rows(where, name)} for name in ("anna", "ben"))
    shared = everyones(Desk(where).table.rows, 0.25)
    assert anna | ben == set(Desk(where).table.rows) and shared <= anna & ben
    assert len((anna & ben) - shared) <= 6  # what one had on the screen already, or next, when the other judged it
    chromium.run("tellAgreement()")
    chromium.until(f"find('agreement').innerText.includes('n = {len(anna & ben)}')")
    assert re.match(r"anna, ben: kappa -?\d\.\d\d ", text(chromium, "agreement"))
    state = f"{sum(word == 'accept' for word in decisions(where).values())} accepted"
    assert state in text(chromium, "finished-text") or state in text(another, "finished-text")


def test_nothing_is_lost_when_the_server_is_killed(chromium, serve, make_folder):
    where = make_folder(30)
    server = serve(where)
    begin(chromium, server)
    pressed = []

    def judge(key):
        pressed.append((chromium.run("page.here"), {"a": "accept", "r": "reject", "s": "skip"}[key]))
        press(chromium, key)

    for turn in range(3):
        judge("a")
        judge("r")
        chromium.until(SAVED)
        chromium.until(AHEAD)
        server.kill()
        judge("a")  # what was loaded ahead can still be judged
        judge("s")
        chromium.until("find('warning').innerText.startsWith('Not saved yet: 2 decisions. The server does not answer.')")
        if turn == 1:
            pressed.append((pressed[-1][0], "undo"))
            chromium.press("u")
        server.start()
        chromium.until(SAVED)
        chromium.until("find('warning').hidden")
        chromium.until(DRAWN)
        assert rows(where) == pressed
    assert Ledger(where).read()[1] == []


def test_what_waits_survives_a_reload(chromium, serve, folder):
    server = serve()
    first = begin(chromium, server)
    chromium.until(AHEAD)
    server.kill()
    press(chromium, "a")
    chromium.until("!find('warning').hidden")
    assert rows(folder) == []
    chromium.open(Path(__file__))  # away, with the page's decisions still unsaved
    server.start()
    begin(chromium, server)
    chromium.until(SAVED)
    assert rows(folder) == [(first, "accept")]
    chromium.until("find('counts').innerText.startsWith('1 of 6 judged')")


def test_without_a_server_nothing_is_said_to_be_done(chromium, serve, make_folder):
    where = make_folder(3)
    server = serve(where)
    begin(chromium, server)
    chromium.until("upcoming().every((id) => ready.has(`${id} brain`))")
    server.kill()
    press(chromium, "a")
    press(chromium, "a")
    chromium.press("r")
    chromium.until("find('warning').innerText.includes('The server does not answer')")
    assert chromium.run("find('finished').hidden")
    server.start()
    chromium.until("!find('finished').hidden && find('warning').hidden")
    chromium.until("find('finished-text').innerText.startsWith('3 of 3 slices are judged: 2 accepted, 1 rejected')")
    assert [word for _, word in rows(where)] == ["accept", "accept", "reject"]


def test_another_reviewer_takes_the_seat(chromium, serve, folder):
    begin(chromium, serve(folder, "--overlap", "1"))
    press(chromium, "a")
    chromium.until(SAVED)
    chromium.run("find('change').click()")
    chromium.until("find('ask').open")
    chromium.call("Input.insertText", text="ben & co")
    chromium.run("find('ask-form').requestSubmit()")
    chromium.until("typeof store === 'object' && store.reviewer === 'ben & co'")
    chromium.until(DRAWN)
    assert text(chromium, "mine") == "" and chromium.run("page.trail.length") == 0
    press(chromium, "r")
    chromium.until(SAVED)
    assert [word for _, word in rows(folder, "ben & co")] == ["reject"] and len(rows(folder)) == 1


def test_a_damaged_slice_is_told_and_passed(chromium, serve, folder):
    server = serve()
    bad = Desk(folder).ids()[1]
    path_of(folder, bad).write_bytes(b"no")
    begin(chromium, server)
    seen = [press(chromium, "a") for _ in range(5)]
    assert seen[-1] == "" and bad not in seen
    assert "1 problem in this folder" in text(chromium, "problems")
    chromium.run("find('problems').open = true")
    assert bad in text(chromium, "problems")
    assert len(rows(folder)) == 5


def test_the_exported_page_works_from_files_and_its_decisions_come_back(chromium, folder, tmp_path):
    desk = Desk(folder)
    export(desk, tmp_path / "page", "anna")
    page = tmp_path / "page" / "index.html"
    chromium.open(page, width=1280, height=800)
    first = chromium.until(DRAWN)
    second = press(chromium, "a")
    third = press(chromium, "r")
    press(chromium, "s")
    assert press(chromium, "u") == third
    assert chromium.errors() == [] and all(one.startswith("file://") for one in chromium.requests())
    chromium.open(page, width=1280, height=800)
    assert chromium.until(DRAWN) == third
    assert (text(chromium, "counts"), text(chromium, "verdicts")) == ("2 of 6 judged", "1 accepted, 1 rejected")
    chromium.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    chromium.run("find('download').click()")
    saved = tmp_path / "decisions.csv"
    end = time.monotonic() + 30
    while not saved.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert take_in(desk, saved)[0].startswith("4 decisions taken in")
    assert decisions(folder) == {first: "accept", second: "reject"}
    assert rows(folder) == [(first, "accept"), (second, "reject"), (third, "skip"), (third, "undo")]
