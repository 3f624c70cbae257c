import io
import re

import pytest

from mil_tf.grid import screen as screens
from mil_tf.grid.forecast import forecast
from mil_tf.grid.rows import Board


class Stream(io.StringIO):
    def __init__(self, live):
        super().__init__()
        self.live = live

    def isatty(self):
        return self.live


def seen(text):
    """What stands on a terminal that was sent a text: it knows the codes for so many lines up, and for clearing."""
    lines, at = [""], 0
    for part in re.split(r"(\x1b\[\d*[FKJ]|\n)", text):
        if part == "\n":
            at += 1
            lines += [""] * (at == len(lines))
        elif part.endswith("F") and part.startswith("\x1b"):
            at -= int(part[2:-1])
        elif part == "\x1b[J":
            lines[at:] = [""]
        elif part and part != "\x1b[K":
            lines[at] = part
    return lines


@pytest.fixture
def board(make_run):
    runs = [make_run(fold=fold) for fold in range(3)]
    return runs, Board(runs)


def update(screen, board, *running, close=False):
    rows = board[1].rows({run.folder: "here" for run in running}, {})
    (screen.close if close else screen.update)(rows, forecast(rows, 1, 0.0), 0.0)


def test_a_terminal_is_drawn_over_in_place(board, begin, finish, monkeypatch):
    monkeypatch.setattr(screens, "REDRAW_S", 0)
    stream = Stream(live=True)
    screen = screens.screen(stream)
    update(screen, board, board[0][0])
    first = seen(stream.getvalue())
    finish(board[0][0], epochs=2, seconds=9.0)
    update(screen, board, board[0][1])
    last = seen(stream.getvalue())
    assert len(first) == len(last) == 6 and first[0].startswith("3 runs: 1 running, 2 left")
    assert last[0].startswith("3 runs: 1 done, 1 running, 1 left") and "done, 2 epochs" in last[2]


def test_a_terminal_is_not_drawn_more_often_than_eyes_follow(board, monkeypatch):
    monkeypatch.setattr(screens, "REDRAW_S", 3600)
    stream = Stream(live=True)
    screen = screens.screen(stream)
    update(screen, board)
    before = stream.getvalue()
    update(screen, board, board[0][0])
    assert stream.getvalue() == before
    update(screen, board, board[0][0], close=True)
    assert len(stream.getvalue()) > len(before)


def test_lines_are_never_wider_or_higher_than_the_terminal(make_run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "10")
    runs = [make_run(fold=fold) for fold in range(30)]
    stream = Stream(live=True)
    update(screens.screen(stream), (runs, Board(runs)), *runs[:20])
    shown = seen(stream.getvalue())
    assert max(map(len, shown)) < 40 and len(shown) <= 10


def test_what_others_print_is_left_above(board, monkeypatch):
    monkeypatch.setattr(screens, "REDRAW_S", 0)
    stream = Stream(live=True)
    screen = screens.screen(stream)
    update(screen, board)
    stream.write("stopping\n")
    screen.apart()
    update(screen, board)
    shown = seen(stream.getvalue())
    assert shown[5] == "stopping" and shown[6] == shown[0]


def test_elsewhere_the_table_comes_first_and_last_and_news_between(board, finish):
    stream = Stream(live=False)
    screen = screens.screen(stream)
    update(screen, board)
    length = len(stream.getvalue().splitlines())
    update(screen, board)
    assert len(stream.getvalue().splitlines()) == length  # nothing is new
    update(screen, board, board[0][0])
    finish(board[0][0], epochs=2, loss=0.5)
    update(screen, board, board[0][1])
    news = stream.getvalue().splitlines()[length:]
    assert news[0] == "bags 6, fold 0, seed 0: running, epoch 1 of 10"
    assert news[2:4] == [
        "bags 6, fold 0, seed 0: done, 2 epochs, best validation loss 0.5000",
        "bags 6, fold 1, seed 0: running, epoch 1 of 10",
    ]
    update(screen, board, close=True)
    assert stream.getvalue().splitlines()[-5].startswith("3 runs: ") and "\x1b" not in stream.getvalue()


def test_epochs_alone_are_told_of_once_in_a_while(board, begin, monkeypatch):
    stream = Stream(live=False)
    screen = screens.screen(stream)
    update(screen, board, board[0][0])
    before = stream.getvalue()
    begin(board[0][0], epochs=1)
    update(screen, board, board[0][0])
    assert stream.getvalue() == before
    monkeypatch.setattr(screens, "NEWS_S", 0)
    begin(board[0][0], epochs=2)
    update(screen, board, board[0][0])
    assert "bags 6, fold 0, seed 0: running, epoch 3 of 10\n" in stream.getvalue()[len(before):]
