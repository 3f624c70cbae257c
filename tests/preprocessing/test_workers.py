import subprocess
import sys
import types

import pytest

from preprocessing import product, workers
from preprocessing.inputs import Scan
from preprocessing.product import Outputs
from preprocessing.settings import CtSettings


@pytest.fixture
def scans(save):
    return [
        Scan(f"s{k}", str(save(f"s{k}.nii.gz", seed=k)), k % 2, f"s{k}", {}, None, None, False)
        for k in range(7)
    ]


@pytest.mark.parametrize("jobs", [1, 2])
def test_bags_come_in_order_and_bad_scans_as_reasons(scans, jobs):
    with open(scans[3].path, "wb") as file:
        file.write(b"broken")
    made = list(workers.products(scans, CtSettings(size=8), Outputs(), jobs))
    assert [scan.id for scan, _ in made] == [f"s{k}" for k in range(7)]
    assert made[3][1].startswith("unreadable or truncated")
    assert [bag.id for _, product in made[:3] + made[4:] for bag in product.bags] == ["s0", "s1", "s2", "s4", "s5", "s6"]


def test_an_unforeseen_error_is_a_reason_too(scans, monkeypatch):
    def fail(*args, **kwargs):
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("preprocessing.ct.prepare", fail)
    assert product.make(scans[0], CtSettings(), Outputs()) == "unexpected ZeroDivisionError: two lines"


def test_too_little_memory_stops_the_job_and_is_no_reason(scans, monkeypatch):
    def fail(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("preprocessing.ct.prepare", fail)
    with pytest.raises(
        workers.WorkerError,
        match="ran out of memory at or near scan s0; run the same command with fewer --jobs",
    ):
        list(workers.products(scans, CtSettings(), Outputs(), jobs=1))


def test_a_killed_worker_stops_the_job_instead_of_hanging_it(scans, tmp_path, monkeypatch):
    (tmp_path / "dying.py").write_text(
        "import os, signal\ndef make(*args):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import dying

    monkeypatch.setattr(workers, "make", dying.make)
    with pytest.raises(
        workers.WorkerError, match="a worker died, perhaps killed for its memory, at or near scan s0"
    ):
        list(workers.products(scans, CtSettings(), Outputs(), jobs=2))


def test_few_bags_wait_at_any_time(scans):
    started = []

    def submit(scan):
        started.append(scan.id)
        return types.SimpleNamespace(result=lambda: "made")

    made = workers.ordered(scans, submit, waiting=lambda: 3)
    next(made)
    assert len(started) == 3
    next(made)
    assert len(started) == 4


def test_more_bags_wait_as_workers_join_and_fewer_as_they_leave(scans):
    started, most = [], 1

    def submit(scan):
        started.append(scan.id)
        return types.SimpleNamespace(result=lambda: "made")

    made = workers.ordered(scans, submit, waiting=lambda: most)
    next(made)
    most = 4
    next(made)
    assert len(started) == 5
    most = 2
    next(made)
    next(made)
    assert len(started) == 5
    assert [scan.id for scan, _ in made] == ["s4", "s5", "s6"]


def test_a_worker_imports_no_tensorflow(scans):
    code = (
        "import sys\nfrom preprocessing.inputs import Scan\nfrom preprocessing.product import Outputs, make\n"
        "from preprocessing.settings import CtSettings\n"
        f"print(make({scans[0]!r}, CtSettings(size=8), Outputs()).bags[0].n, 'tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "6 False\n"
