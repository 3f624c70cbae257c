import pytest

from mil_tf.grid.forecast import elapsed, forecast
from mil_tf.grid.rows import Board
from mil_tf.training import lock

NOW = 1000.0


def test_a_run_passes_its_training_and_validation_bags_an_epoch_and_the_held_out_at_the_end(make_run):
    assert make_run(bags=6).passes(3) == 3 * (6 + 4) + (4 + 6)
    assert make_run(bags=6).passes(3, answers=False) == 30


def test_without_an_epoch_nothing_is_known(make_run):
    found = forecast(Board([make_run(6), make_run(4)]).rows(), 1, NOW)
    assert found.seconds is None and found.ends == {}


def test_when_all_is_done_nothing_is_to_go(make_run, finish):
    assert forecast(Board([finish(make_run(), epochs=2, seconds=9.0)]).rows({}, {}), 2, NOW).seconds == 0


def test_left_runs_take_what_finished_ones_took_a_bag(make_run, finish):
    runs = [finish(make_run(6), epochs=4, seconds=100.0), make_run(6, fold=1), make_run(16)]
    found = forecast(Board(runs).rows({}, {}), 1, NOW)  # 50 passes: 2 s each
    assert found.ends[runs[1].folder] == pytest.approx(NOW + 100)
    assert found.ends[runs[2].folder] == pytest.approx(NOW + 100 + 2 * (4 * 20 + 10))
    assert found.seconds == pytest.approx(280)
    assert forecast(Board(runs).rows({}, {}), 2, NOW).seconds == pytest.approx(180)


def test_a_size_has_the_epochs_of_its_own_runs(make_run, finish):
    finish(make_run(6), epochs=4, seconds=50.0), finish(make_run(16), epochs=2, seconds=50.0)  # 100 passes: 1 s each
    left = make_run(16, fold=1)
    found = forecast(Board([make_run(6), make_run(16), left]).rows({}, {}), 1, NOW)
    assert found.seconds == pytest.approx(2 * 20 + 10)


def test_a_run_under_way_has_what_it_took_behind_it(make_run, begin):
    run = begin(make_run(6), epochs=2, seconds=20.0, since=NOW - 5)  # 20 passes: 1 s each; 10 epochs at most
    with lock.taken(run.folder):
        rows = Board([run]).rows({run.folder: "here"}, {})
    assert elapsed(rows[0], NOW) == 25
    found = forecast(rows, 1, NOW)
    assert found.seconds == pytest.approx(110 - 25) and found.ends == {run.folder: NOW + found.seconds}
    assert forecast(rows, 1, NOW + 9000).seconds == 0  # late: due now


def test_time_between_sittings_does_not_count(make_run, begin):
    run = begin(make_run(6), epochs=2, seconds=20.0, since=NOW - 5)
    for running in ({}, {run.folder: "a process that is just starting"}):
        [row] = Board([run]).rows(running, {})
        assert elapsed(row, NOW) == 20
