"""Runs of a grid that never train: folders that look as training leaves them."""

import pytest

import train
from mil_tf import runs
from mil_tf.grid.jobs import Run
from mil_tf.training.progress import NAME, Progress

OPTIONS = ("max_epochs=8", "image_every=0")
SIZES = (4, 14)
LONG = (*OPTIONS, "--bags", *map(str, SIZES))  # a grid with time enough to be killed in


@pytest.fixture(scope="package")
def undisturbed(tiny_data, tiny_arguments, tmp_path_factory):
    """The folder of the runs of the grid LONG, each trained alone, in this process."""
    out = tmp_path_factory.mktemp("undisturbed")
    for bags in SIZES:
        assert train.main(tiny_arguments(tiny_data, out, *OPTIONS, "--bags", str(bags))) == 0
    return out


@pytest.fixture
def make_run(tmp_path):
    """make_run(bags, fold, seed) -> a Run with 4 validation and 6 test bags, of 10 epochs at most."""

    def make(bags=6, fold=0, seed=0):
        job = runs.Job("remedios2020", "default", {"max_epochs": 10}, bags, fold, seed)
        return Run(job, job.folder(tmp_path), 4, 6)

    return make


@pytest.fixture
def begin():
    """begin(run, **progress) -> the run, whose folder now says so."""

    def write(run, **progress):
        run.folder.mkdir(parents=True, exist_ok=True)
        runs.write_json(run.folder / "config.json", {})
        runs.write_json(run.folder / NAME, Progress(**progress)._asdict())
        return run

    return write


@pytest.fixture
def finish(begin):
    """finish(run, **progress) -> the run, which is done."""

    def write(run, **progress):
        begin(run, **progress)
        (run.folder / "export").mkdir()
        (run.folder / "export" / "mil_tf.json").write_text("{}")
        return run

    return write
