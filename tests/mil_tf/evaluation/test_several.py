"""Many runs at once: the same files and the same order as one after the other, and one line where one is broken."""

import pytest

import evaluate
from tests.mil_tf.evaluation.grids import slice_truths, write_grid

ARGUMENTS = ("--resamples", "20")


@pytest.mark.long
@pytest.mark.slow
def test_several_processes_write_what_one_does(tmp_path, capsys):
    shown, written = [], []
    for workers in ("1", "2"):
        runs = write_grid(tmp_path / workers, {20: 1.0, 40: 2.0}, folds=1, truths=slice_truths(12))
        assert evaluate.main([str(tmp_path / workers), *ARGUMENTS, "--workers", workers]) == 0
        shown.append(capsys.readouterr().out.replace(str(tmp_path / workers), ""))
        written.append([(run / "evaluation" / "metrics.csv").read_bytes() for run in runs]
                       + [(tmp_path / workers / "evaluation" / name).read_bytes() for name in ("sizes.csv", "laws.csv")])
    assert shown[0] == shown[1]
    assert written[0] == written[1]


@pytest.mark.long
@pytest.mark.slow
def test_a_broken_run_among_many_is_one_line(tmp_path, capsys):
    runs = write_grid(tmp_path, {20: 1.0, 40: 2.0}, folds=1, truths=slice_truths(12))
    (runs[1] / "predictions-test.csv").write_text("id,patient,y_true,y_prob\na,p,1,2\n")
    assert evaluate.main([str(tmp_path), *ARGUMENTS, "--workers", "2"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{runs[1]}/predictions-test.csv, line 2: expected a probability" in line


def test_workers_that_are_none_are_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        evaluate.main([str(tmp_path), "--workers", "0"])
    assert "expected --workers of at least 1" in capsys.readouterr().err
