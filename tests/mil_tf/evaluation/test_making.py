"""What made the runs: time, machines, settings that are shared and those that are not."""

import json

from mil_tf.evaluation.grid import Member
from mil_tf.evaluation.making import clock, making_part, progress, time_told
from tests.mil_tf.evaluation.grids import make_config


def member(folder, fold=0, seconds=None, **more):
    run = folder / f"fold-{fold}"
    run.mkdir(parents=True)
    if seconds is not None:
        (run / "progress.json").write_text(json.dumps({"seconds": seconds}))
    return Member(run, 100, fold, 0, make_config(100, fold, 0, **more), None)


def test_seconds_are_told_as_one_would():
    assert [clock(seconds) for seconds in (9.7, 250, 7500, 90000)] == ["9 s", "4 min 10 s", "2 h 5 min", "1 d 1 h"]


def test_time_is_the_sum_and_says_what_it_does_not_know(tmp_path):
    members = [member(tmp_path, 0, 3600), member(tmp_path, 1, 1800), member(tmp_path, 2)]
    assert time_told(members[:2]) == "1 h 30 min"
    assert time_told(members) == "1 h 30 min in 2 of 3 runs, others unknown"
    assert time_told(members[2:]) == "not recorded"


def test_a_broken_progress_file_is_none(tmp_path):
    for text in ("{", "[1]", ""):
        (tmp_path / "progress.json").write_text(text)
        assert progress(tmp_path) == {}


def test_what_differs_is_counted_and_what_does_not_stands_once(tmp_path):
    members = [member(tmp_path, fold, 1, commit="new" if fold else "old") for fold in range(3)]
    page = making_part(members)
    assert "<code>new</code> (2 runs), <code>old</code> (1 runs)" in page
    assert page.count("resnet34") == 1
    assert page.count("train.py --bags 100 200 --folds 5") == 1
    assert "CPU &lt;1&gt;" in page
    assert "CPU <1>" not in page


def test_runs_without_a_config_say_so(tmp_path):
    assert "no config.json" in making_part([member(tmp_path)._replace(config={})])
