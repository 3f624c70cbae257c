"""The pictures and the page as `preprocessing ct` makes them."""

import pytest

from preprocessing import workers
from preprocessing.__main__ import main


@pytest.fixture
def job(save, tmp_path):
    """job(*more, out="out") -> exit code of a job over the scans a, b and one that is broken."""
    for seed, id in enumerate("ab"):
        save(f"scans/{id}.nii.gz", seed=seed)
    (tmp_path / "scans/bad.nii.gz").write_bytes(b"broken")
    (tmp_path / "labels.csv").write_text("id,label\na,1\nb,0\nbad,0\n")

    def run(*more, out="out"):
        given = ["--scans", tmp_path / "scans", "--labels", tmp_path / "labels.csv", "--out", tmp_path / out]
        return main([str(part) for part in ("ct", *given, "--brain", "none", "--size", 8, "--jobs", 1, *more)])

    return run


def made(folder):
    """The names of the pictures, and the page or None."""
    html = folder / "qc.html"
    names = sorted(path.name for path in (folder / "qc").glob("*"))
    return names, html.read_text(encoding="utf-8") if html.exists() else None


def test_a_job_ends_with_a_picture_a_bag_and_the_page(job, tmp_path):
    assert job() == 0
    names, text = made(tmp_path / "out")
    assert names == ["a.jpg", "b.jpg"]
    assert text.count("<article") == 3 and "unreadable or truncated" in text


def test_no_qc_makes_neither(job, tmp_path):
    assert job("--no-qc") == 0
    assert made(tmp_path / "out") == ([], None)


def test_a_resumed_job_has_them_all(job, tmp_path, monkeypatch):
    job(out="whole")
    products = workers.products

    def stopped(*args):
        yield next(products(*args))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(workers, "products", stopped)
        assert job() == 130
    assert made(tmp_path / "out")[1] is None
    assert job() == 0
    assert made(tmp_path / "out") == made(tmp_path / "whole")


def test_a_job_that_was_stopped_before_its_page_makes_it_when_it_is_run_again(job, tmp_path, capsys):
    job()
    page = tmp_path / "out/qc.html"
    text = page.read_text(encoding="utf-8")
    page.unlink()
    assert job() == 0 and page.read_text(encoding="utf-8") == text
    page.unlink()
    assert job("--no-qc") == 2 and not page.exists()  # another job, which is not this finished one


def test_force_leaves_nothing_of_an_earlier_job(job, tmp_path):
    job()
    (tmp_path / "labels.csv").write_text("id,label\nb,1\n")
    assert job("--force", "--seed", 1) == 0
    names, text = made(tmp_path / "out")
    assert names == ["b.jpg"] and "qc/a.jpg" not in text
    assert job("--force", "--no-qc") == 0
    assert made(tmp_path / "out") == ([], None)
