import io

from preprocessing.progress import Progress, duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_file_gets_a_line_every_tenth():
    stream = io.StringIO()
    progress = Progress(200, stream=stream)
    for _ in range(200):
        progress.step()
    progress.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("20/200 scans, ") and lines[-1].endswith("/s, 0 s to go")


def test_a_terminal_gets_one_line():
    stream = Terminal()
    progress = Progress(3, stream=stream)
    for _ in range(3):
        progress.step()
    progress.close()
    assert stream.getvalue().count("\n") == 1 and "\r3/3 scans" in stream.getvalue()


def test_what_an_earlier_run_did_is_not_speed():
    progress = Progress(100, done=80, stream=io.StringIO())
    for _ in range(10):
        progress.step()
    assert progress.line(5.0) == "90/100 scans, 2.0/s, 5 s to go"


def test_durations_can_be_read():
    assert [duration(seconds) for seconds in (0, 59.4, 61, 3725)] == ["0 s", "59 s", "1:01", "1:02:05"]
