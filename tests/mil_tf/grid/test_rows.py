from mil_tf.grid.rows import DONE, ELSEWHERE, FAILED, LEFT, RUNNING, Board
from mil_tf.training import lock


def states(rows):
    return [row.state for row in rows]


def test_folders_alone_say_how_far_a_grid_is(make_run, begin, finish):
    runs = [make_run(fold=fold) for fold in range(4)]
    finish(runs[0], epochs=5), begin(runs[1], epochs=2), begin(runs[2], epochs=1, failed="not finite")
    rows = Board(runs).rows()
    assert states(rows) == [DONE, LEFT, FAILED, LEFT]
    assert [row.progress.epochs for row in rows] == [5, 2, 1, 0] and rows[2].why == "not finite"


def test_a_run_that_failed_before_is_left_to_a_new_sitting(make_run, begin):
    run = begin(make_run(), failed="not finite")
    assert states(Board([run]).rows({}, {})) == [LEFT]
    assert states(Board([run]).rows({}, {run.folder: "again"})) == [FAILED]


def test_a_run_of_another_process_is_elsewhere_and_one_of_ones_own_is_not(make_run, begin):
    run = begin(make_run())
    with lock.taken(run.folder):
        [row] = Board([run]).rows({}, {run.folder: "taken by another"})
        assert (row.state, row.where) == (ELSEWHERE, str(lock.holder(run.folder)))
        [row] = Board([run]).rows({run.folder: "GPU 0"}, {})
        assert (row.state, row.where) == (RUNNING, "GPU 0")
        assert states(Board([run]).rows()) == [RUNNING]  # nobody else asks
    assert states(Board([run]).rows({}, {})) == [LEFT]


def test_a_run_that_is_done_is_looked_at_once(make_run, finish, monkeypatch):
    board = Board([finish(make_run(), epochs=3)])
    before = board.rows()
    monkeypatch.setattr("mil_tf.runs.is_finished", lambda folder: 1 / 0)
    assert board.rows() == before
