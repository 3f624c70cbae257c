import os
import sys
import textwrap
from pathlib import Path

import pytest

from benchmarks.rows import Absent, Row, measure, peak

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def row(tmp_path):
    """row(name, body) -> the command of a row's process whose `build` has this body."""

    def write(name, body):
        path = tmp_path / f"{name}.py"
        head = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom benchmarks.rows import Absent, serve\ndef build():\n"
        path.write_text(head + textwrap.indent(textwrap.dedent(body), "    ") + "\nserve(build)\n")
        return [sys.executable, str(path)]

    return write


def test_rows_take_turns_after_one_untimed_repetition(row, tmp_path):
    log = tmp_path / "log"
    body = """
        def step(index):
            print("noise that a library makes")
            with open({log!r}, "a") as file:
                file.write("{name}%d " % index)
            return {{"index": index}}
        return step, {{"made": "{name}"}}
    """
    commands = {name: row(name, body.format(log=str(log), name=name)) for name in "ab"}
    found, facts, absent = measure(commands, 2, show=lambda line: None)
    assert log.read_text().split() == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert [each["index"] for each in found["b"]] == [0, 1, 2]
    assert all(each["seconds"] >= 0 and each["peak_gib"] > 0 for each in found["a"])
    assert facts == {"a": {"made": "a"}, "b": {"made": "b"}} and absent == {}


def test_a_row_that_cannot_be_is_left_out_with_its_reason(row):
    commands = {
        "told": Absent("no --torch-python given"),
        "no python": ["/no/such/python"],
        "says so": row("says", "raise Absent('no Adam here')"),
        "no module": row("lacks", "import no_such_module"),
        "dies": row("dies", "raise SystemExit(3)"),
        "dies later": row("later", "def step(index):\n    assert index < 2\n    return {}\nreturn step, {}"),
        "works": row("works", "return lambda index: {}, {}"),
    }
    found, _, absent = measure(commands, 3, show=lambda line: None)
    assert list(found) == ["works"] and len(found["works"]) == 4
    assert absent["told"] == "no --torch-python given" and "/no/such/python cannot be run" in absent["no python"]
    assert absent["says so"] == "no Adam here" and "no_such_module" in absent["no module"]
    assert absent["dies"] == "its process ended with code 3"
    assert absent["dies later"] == "its process ended with code 1"


def test_a_rows_peak_is_its_own(row):
    held = bytearray(os.urandom(1) * 2**28)
    small = Row(row("small", "return lambda index: {}, {}"))
    found = small.ask(0)
    small.close()
    assert found["peak_gib"] < 0.1 < len(held) / 2**30 < peak()
