"""The method of parida2021, whole runs on slices of seconds: its three stages, what they leave, refuse, and resume."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import train
from mil_tf import runs
from mil_tf.inference import predict_dataset
from mil_tf.review import decisions
from mil_tf.training.recursion_targets import Targets
from tests.bleeds import CLASSES, SETTINGS, bleed, write_bleeds
from tests.runs import rows
from tfrecords import DatasetError

# Dropout and batch norm hold state; portions divide nothing.
OPTIONS = (
    "width=4 depth=2 dropout=0.1 max_epochs=10 learning_rate=0.02 recursion_learning_rate=0.003 window=5 micro_batch=3 "
    "chunk=7 recursions=2 recursion_epochs=2 image_every=4"
).split()
ROOT, NAME = Path(train.__file__).parent, Path("parida2021", "bags-24", "fold-0", "seed-0")
TABLES = ("bags.csv", "images.csv", "history.csv", "segmented.csv", "selection.csv", *(
    f"{kind}-{name}{more}.csv" for name in ("validation", "test")
    for kind, more in (("predictions", ""), ("segments", "-before"), ("segments", "-after"))
))


@pytest.fixture(scope="module")
def pixels(tmp_path_factory):
    return write_bleeds(tmp_path_factory.mktemp("pixels") / "data")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_bleeds(tmp_path_factory.mktemp("images") / "data", 8, "q", splits=None)


def trained(pixels, images, out, *more, flags=()):
    """(exit code of train.py, folder of the run)."""
    given = ["--recipe", "parida2021", "--data", str(pixels), "--out", str(out), "--set", *OPTIONS, *more]
    given += ["--images", str(images)] if images else []
    return train.main([*given, *flags]), out / NAME


@pytest.fixture(scope="module")
def run(pixels, images, tmp_path_factory):
    code, folder = trained(pixels, images, tmp_path_factory.mktemp("runs"))
    assert code == 0
    return folder


def told(run):
    """All that must be the same of two runs alike: tables, weights, targets, records without their times."""
    records = [json.loads(path.read_text()) for path in sorted(run.glob("recursion-*/record.json"))]
    targets = {path.parent.name: path.read_bytes() for path in run.glob("recursion-*/targets.zip")}
    weights = json.loads((run / "export" / "mil_tf.json").read_text())["weights"]
    found = {name: (run / name).read_bytes() for name in TABLES}
    return found, targets, [{**one, "seconds": 0} for one in records], weights


def test_a_run_leaves_what_it_promises(run):
    assert all((run / name).is_file() for name in TABLES)
    config, exported = (json.loads((run / name).read_text()) for name in ("config.json", "export/mil_tf.json"))
    assert config["answers"] == "masks" and config["classes"] == CLASSES and config["images"] == 32
    assert exported["segmentation"] == {"classes": CLASSES} and "threshold" not in exported
    assert {row["patient"] for row in rows(run / "images.csv")} == {f"q{i:02d}" for i in range(8)}
    assert len(rows(run / "history.csv")) == 10 and len(rows(run / "recursion-1" / "history.csv")) == 2
    assert not list(run.glob("recursion-*/checkpoints")) and not list(run.rglob(".*part"))


def test_every_recursion_learns_the_masks_of_the_one_before(run):
    records = [json.loads((run / f"recursion-{k}" / "record.json").read_text()) for k in (0, 1)]
    taken = [row["id"] for row in rows(run / "selection.csv") if row["accepted"] == "1"]
    first, second = (Targets(run / f"recursion-{k}", (32, 32)) for k in (0, 1))
    assert first.ids == taken and set(taken) <= set(second.ids)
    for before, after in zip(records, records[1:]):
        assert after["segmented"] == before["segmented"] + after["newly_segmented"]
    assert records[1]["targets"] != records[0]["targets"] and len(records[1]["loss"]) == 2
    labels = {row["id"]: row["label"] for row in rows(run / "images.csv")}
    for id in second.ids:
        found, allowed = set(np.unique(second[id])) - {0}, {1 + CLASSES.index(labels[id])} if labels[id] else set()
        assert found == allowed


def test_it_ends_where_nothing_new_is_segmented_or_at_the_cap(run):
    last = max(run.glob("recursion-*/record.json"), key=lambda path: path.parent.name)
    record = json.loads(last.read_text())
    assert record["ended"] == ("nothing newly segmented" if not record["newly_segmented"] else "the cap of recursions")


def test_tables_before_and_after_count_the_same_truth(run):
    for name, slices in (("validation", 8), ("test", 12)):
        before, after = (rows(run / f"segments-{name}-{model}.csv") for model in ("before", "after"))
        assert len(before) == 3 * slices and {row["type"] for row in before} == {"any", *CLASSES}
        assert [row["id"] for row in before] == [row["id"] for row in after] and before != after
        for one, other in zip(before, after):
            assert int(one["tp"]) + int(one["fn"]) == int(other["tp"]) + int(other["fn"])
    assert {row["y_true"] for row in rows(run / "predictions-test.csv")} == {"0", "1"}


def test_the_exported_model_needs_no_package_and_gives_the_tables_masks(run, tmp_path):
    given = [bleed(patient, index) for patient in range(8, 11) for index in range(4)]
    np.savez(tmp_path / "given.npz", slices=np.concatenate([bag.instances for bag in given]).astype(np.float32))
    program = (
        "import sys\n"
        "sys.modules['mil_tf'] = sys.modules['keras'] = None\n"
        "import numpy as np, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1]).signatures['slices']\n"
        "found = model(slices=tf.constant(np.load(sys.argv[2])['slices']))['probabilities']\n"
        "np.save(sys.argv[3], found)\n"
    )
    paths = [str(run / "export"), str(tmp_path / "given.npz"), str(tmp_path / "found.npy")]
    subprocess.run([sys.executable, "-c", program, *paths], check=True, cwd=tmp_path, capture_output=True)
    found = np.load(tmp_path / "found.npy")
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)
    counted = {row["id"]: row for row in rows(run / "segments-test-after.csv") if row["type"] == "any"}
    for bag, mask in zip(given, found.argmax(axis=-1)):
        assert int(counted[bag.id]["tp"]) == np.count_nonzero((mask > 0) & (bag.mask[0] > 0))


@pytest.mark.long
def test_it_learns_and_recursion_does_not_unlearn(pixels, images, tmp_path):
    more = ["width=8", "max_epochs=25", "dropout=0.0", "learning_rate=0.01", "recursion_epochs=3"]
    code, run = trained(pixels, images, tmp_path, *more)
    assert code == 0
    for model in ("before", "after"):
        counts = [row for row in rows(run / f"segments-test-{model}.csv") if row["type"] == "any"]
        tp, fp, fn = (sum(int(row[name]) for row in counts) for name in ("tp", "fp", "fn"))
        assert 2 * tp / (2 * tp + fp + fn) > 0.9


@pytest.mark.long
def test_stopped_within_a_recursion_it_goes_on_bit_for_bit(run, pixels, images, tmp_path, monkeypatch):
    from mil_tf.training.loop import Loop

    steps, step = [], Loop._step

    def killed(self, state, window):
        step(self, state, window)
        steps.append(state.step)
        if len(steps) == 10 * 5 + 4:  # of the 5 steps an epoch of stage 1, then within the first epoch of a recursion
            raise KeyboardInterrupt

    monkeypatch.setattr(Loop, "_step", killed)
    assert trained(pixels, images, tmp_path)[0] == 130
    monkeypatch.undo()
    assert (tmp_path / NAME / "recursion-0" / "record.json").exists()
    code, again = trained(pixels, images, tmp_path, flags=["--resume"])
    assert code == 0 and told(again) == told(run)


LIVES = """
import os, signal, sys
import tensorflow
import train
from mil_tf.training import loop, recursion, recursion_targets, state

def dying(function, count):
    left = [count]
    def patched(*args, **kwargs):
        result = function(*args, **kwargs)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return patched

PLACES = {
    "step": (loop.Loop, "_step"), "weights": (state.BestWeights, "save"), "mask": (recursion_targets.TargetWriter, "add"),
    "targets": (recursion_targets.TargetWriter, "close"), "record": (recursion.Recursions, "_record"),
}

for line in sys.stdin:
    where, count = line.split()
    child = os.fork()
    if not child:
        if where in PLACES:
            owner, attribute = PLACES[where]
            setattr(owner, attribute, dying(getattr(owner, attribute), int(count)))
        code = train.main(sys.argv[1:])
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    print("LIFE", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=sys.stderr, flush=True)
"""


@pytest.mark.long
@pytest.mark.slow
def test_killed_again_and_again_it_ends_as_if_it_never_was(run, pixels, images, tmp_path):
    lives = [
        "weights 2",  # stage 1 is learned and kept as what was before
        "mask 3",  # in the middle of stage 2's targets
        "targets 1",  # they are whole, their record is not there
        "record 1",  # stage 2 is done
        "step 4",  # in the first epoch of the first recursion
        "weights 1",  # at its last epoch's end, before the checkpoint
        "mask 5",  # in the middle of its targets
        "record 1",  # it is done
        "never 1",
    ]
    given = ["--recipe", "parida2021", "--data", str(pixels), "--images", str(images), "--out", str(tmp_path), "--resume"]
    done = subprocess.run(
        [sys.executable, "-c", LIVES, *given, "--set", *OPTIONS], input="\n".join(lives), capture_output=True, text=True,
        cwd=ROOT,
    )
    codes = [int(line.split()[-1]) for line in done.stderr.splitlines() if line.startswith("LIFE")]
    assert codes == [-9] * 8 + [0], done.stderr[-3000:]
    assert told(tmp_path / NAME) == told(run)


@pytest.mark.long
def test_a_person_is_waited_for_and_what_they_accept_is_learned(pixels, images, tmp_path, capsys):
    more = ["select=person", "recursions=1", "recursion_epochs=1"]
    code, run = trained(pixels, images, tmp_path, *more)
    assert code == 0 and not runs.is_finished(run)
    assert f"python -m mil_tf.review {run / 'review'}`" in capsys.readouterr().out
    asked = [row["id"] for row in rows(run / "review" / "candidates.csv")]
    judged = [decisions.Row(f"2021-06-01T12:00:{i:02d}.000Z", "anna", id, "accept" if i % 2 else "reject")
             for i, id in enumerate(asked)]
    decisions.Ledger(run / "review").append(judged[:-1])
    assert trained(pixels, images, tmp_path, *more, flags=["--resume"])[0] == 0 and not runs.is_finished(run)
    assert f"{len(asked) - 1} of {len(asked)} masks judged" in capsys.readouterr().out
    enough = trained(pixels, images, tmp_path, *more, "enough=accepted", flags=["--resume"])
    assert enough[0] == 0 and runs.is_finished(run)
    taken = {row["id"] for row in rows(run / "selection.csv") if row["accepted"] == "1"}
    assert taken & set(asked) == {row.id for row in judged[:-1] if row.decision == "accept"}


@pytest.mark.long
def test_with_the_truth_masks_with_few_false_positives_are_taken(run, pixels, images, tmp_path):
    more = ["select=oracle", "recursions=0", "precision_least=0.7"]
    code, oracle = trained(pixels, images, tmp_path, *more)
    assert code == 0 and not (oracle / "recursion-1").exists()
    assert "at least 70 % of its pixels are true" in {row["reason"] for row in rows(oracle / "selection.csv")}
    assert rows(oracle / "segments-test-before.csv")[0]["tp"] == rows(oracle / "segments-test-after.csv")[0]["tp"]


@pytest.mark.long
def test_without_selection_and_refinement_all_predictions_are_taken(pixels, images, tmp_path):
    code, run = trained(pixels, images, tmp_path, "select=none", "refine=none", "recursions=0", "max_epochs=6")
    assert code == 0
    found = {row["id"]: int(row["pixels"]) for row in rows(run / "segmented.csv")}
    label = {row["id"]: row["label"] for row in rows(run / "images.csv")}
    targets = Targets(run / "recursion-0", (32, 32))
    assert set(targets.ids) == {id for id in found if found[id] or not label[id]}
    assert all(np.count_nonzero(targets[id]) == (found[id] if label[id] else 0) for id in targets.ids)


@pytest.mark.long
def test_a_data_set_without_test_slices_is_judged_on_those_it_learns(images, tmp_path):
    data = write_bleeds(tmp_path / "data", splits={"train": 6})
    code, run = trained(data, images, tmp_path, "max_epochs=6", "recursions=0")
    assert code == 0
    for name in ("validation", "test"):
        assert {row["data_set"] for row in rows(run / f"segments-{name}-after.csv")} == {"training"}


def test_another_cohort_is_predicted_by_both_models(run, tmp_path):
    other = write_bleeds(tmp_path / "other", 2, "r", splits=None)
    predict_dataset(run, other, "other")
    assert {row["data_set"] for row in rows(run / "segments-other-before.csv")} == {"other"}
    assert len(rows(run / "segments-other-after.csv")) == 3 * 8 and (run / "overlays-other.npz").exists()


@pytest.mark.parametrize("prefix", ["p", "q"])
def test_people_that_were_learned_from_are_no_cohort(run, tmp_path, prefix):
    with pytest.raises(DatasetError, match="Expected patients that .* has neither trained nor been chosen on"):
        predict_dataset(run, write_bleeds(tmp_path / "other", 2, prefix, splits=None), "other")


def test_a_cohort_without_masks_is_refused(run, tmp_path):
    with pytest.raises(DatasetError, match="Expected slices with blood in their masks. Received: none."):
        predict_dataset(run, write_bleeds(tmp_path / "other", 2, "r", masks=False, splits=None), "other")


def without(name, value):
    """A change of every Bag."""

    def change(bag):
        setattr(bag, name, value(bag) if callable(value) else value)
        return bag

    return change


def info(**more):
    return {"classes": CLASSES, "preprocessing": SETTINGS, **more}


@pytest.mark.parametrize(("change", "expected"), [
    (without("mask", lambda bag: 3 * (bag.mask > 0).astype(np.uint8)), "Expected a mask of class ids up to 2. Received: 3"),
    (without("mask", lambda bag: np.zeros_like(bag.mask)), "Expected a pixel set, slices with blood in their masks"),
    (without("mask", None), "Expected a slice with a mask. Received: none, with a label of blood"),
])
def test_a_pixel_set_that_cannot_be_is_told_in_a_line(images, tmp_path, capsys, change, expected):
    code, run = trained(write_bleeds(tmp_path / "data", change=change), images, tmp_path)
    err = capsys.readouterr().err
    assert code == 2 and expected in err and err.count("\n") == 1 and not run.exists()


@pytest.mark.parametrize(("given", "expected"), [
    ({"info": info(classes=["subdural", "epidural"])}, "Expected the pixel set's classes, epidural, subdural."),
    ({"info": info(preprocessing={**SETTINGS, "settings": {"size": 64}})}, "Expected bags preprocessed as the training"),
    ({"info": info(preprocessing={**SETTINGS, "unit": "scan"})}, "Expected slices of CT, of `python -m preprocessing ct"),
    ({"change": without("label", lambda bag: np.array([-1, 0]))}, "Expected 0 or 1 for every type. Received: (-1, 0)"),
])
def test_an_image_set_that_cannot_be_is_told_in_a_line(pixels, tmp_path, capsys, given, expected):
    code, run = trained(pixels, write_bleeds(tmp_path / "data", 2, "q", splits=None, **given), tmp_path)
    err = capsys.readouterr().err
    assert code == 2 and expected in err and err.count("\n") == 1 and not run.exists()


def test_an_image_set_is_needed_and_has_other_patients_than_are_tested(pixels, tmp_path, capsys):
    assert trained(pixels, None, tmp_path)[0] == 2
    assert "--images: Expected the folder of the image-level set" in capsys.readouterr().err
    assert trained(pixels, write_bleeds(tmp_path / "data", 9, splits=None), tmp_path)[0] == 2
    assert "Expected patients that" in capsys.readouterr().err


@pytest.mark.long
def test_a_selection_that_takes_nothing_is_told_and_the_run_may_go_on_with_another(pixels, images, tmp_path, capsys):
    code, run = trained(pixels, images, tmp_path, "select=oracle", "precision_least=1.1", "max_epochs=6")
    err = capsys.readouterr().err
    assert code == 2
    assert "Expected at least one mask with blood to learn from" in err and err.count("\n") == 1
    given = ["max_epochs=6", "recursions=1", "recursion_epochs=1"]
    assert trained(pixels, images, tmp_path, *given, flags=["--resume"])[0] == 2  # another cap of recursions
    given = ["max_epochs=6", "select=none", "precision_least=0.5"]  # stage 1 is not learned again
    told = (run / "history.csv").stat().st_mtime_ns
    assert trained(pixels, images, tmp_path, *given, flags=["--resume"])[0] == 0
    assert (run / "history.csv").stat().st_mtime_ns == told
    assert json.loads((run / "config.json").read_text())["options"]["select"] == "none"
    assert trained(pixels, images, tmp_path, "max_epochs=6", "select=auto", flags=["--resume"])[0] == 2


@pytest.mark.parametrize("option", ["select=anna", "refine=both", "keep=first", "enough=some"])
def test_an_option_that_is_none_is_told(pixels, images, tmp_path, capsys, option):
    assert trained(pixels, images, tmp_path, option)[0] == 2
    assert f"--set {option.partition('=')[0]}: Expected one of" in capsys.readouterr().err


def test_where_the_images_lie_may_change_before_a_run_goes_on_but_not_which_they_are(
    run, pixels, images, tmp_path, capsys
):
    moved = shutil.copytree(images, tmp_path / "moved")
    assert trained(pixels, moved, run.parents[3], flags=["--resume"])[0] == 0
    assert "finished already" in capsys.readouterr().out
    other = write_bleeds(tmp_path / "other", 7, "q", splits=None)
    assert trained(pixels, other, run.parents[3], flags=["--resume"])[0] == 2
    assert "another data (images)" in capsys.readouterr().err
