import json

from mil_tf.training import progress
from mil_tf.training.convergence import Convergence
from mil_tf.training.state import State


def state(*losses, ap=0.75):
    found = State(Convergence(9, 0.0))
    for epoch, loss in enumerate(losses):
        found.epoch = epoch
        found.history.append({"epoch": epoch, "validation_loss": loss, "validation_ap": ap})
        found.convergence.update(loss, epoch)
    return found


def test_a_run_that_has_not_begun_has_the_default(tmp_path):
    assert progress.read(tmp_path) == progress.read(tmp_path / "none") == progress.Progress()
    (tmp_path / progress.NAME).write_text("{")
    assert progress.read(tmp_path) == progress.Progress()


def test_epochs_and_the_best_of_them_are_written(tmp_path):
    file = progress.ProgressFile(tmp_path)
    assert progress.read(tmp_path).epochs == 0 and progress.read(tmp_path).loss is None
    file.epoch(state(0.5, 0.25, 0.75), {}, {})
    found = progress.read(tmp_path)
    assert (found.epochs, found.loss, found.ap) == (3, 0.25, 0.75) and found.seconds > 0


def test_what_is_no_number_is_none(tmp_path):
    progress.ProgressFile(tmp_path).epoch(state(0.5, ap=float("nan")), {}, {})
    assert json.loads((tmp_path / progress.NAME).read_text())["ap"] is None


def test_with_several_classes_it_tells_the_mean_ap(tmp_path):
    found = State(Convergence(9, 0.0))
    found.history.append({"epoch": 0, "validation_loss": 0.5, "validation_map": 0.625})
    found.convergence.update(0.5, 0)
    progress.ProgressFile(tmp_path).epoch(found, {}, {})
    assert (progress.read(tmp_path).loss, progress.read(tmp_path).ap) == (0.5, 0.625)


def test_a_warm_up_has_no_best(tmp_path):
    warming = State(Convergence(9, 0.0))
    progress.ProgressFile(tmp_path).epoch(warming, {}, {})
    assert progress.read(tmp_path).loss is None and progress.read(tmp_path).epochs == 1


def test_sittings_add_up_and_a_new_one_forgets_that_the_last_failed(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    progress.ProgressFile(tmp_path).epoch(state(0.5), {}, {})
    first = progress.read(tmp_path)
    progress.fail(tmp_path, "the loss is not finite")
    assert progress.read(tmp_path) == first._replace(failed="the loss is not finite")
    progress.ProgressFile(tmp_path).write()
    second = progress.read(tmp_path)
    assert second.seconds > first.seconds and second.failed == "" and second.epochs == 1 and second.loss == 0.5


def test_a_run_that_never_began_cannot_have_failed(tmp_path):
    progress.fail(tmp_path / "none", "refused")
    assert not (tmp_path / "none").exists()
