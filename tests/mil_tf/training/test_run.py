"""Whole runs, in this process: what they write, what they refuse, and what makes their bits."""

import csv
import json
import os
import shutil

import numpy as np
import pytest

from mil_tf.training import lock
from tfrecords import Dataset

TABLES = [f"{kind}-{name}.csv" for kind in ("predictions", "instances") for name in ("validation", "test")]


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def config(run):
    return json.loads((run / "config.json").read_text())


@pytest.fixture(scope="module")
def grid(tiny_data, tiny_arguments, tmp_path_factory):
    """Two sizes of the other fold, one epoch each."""
    import train

    out = tmp_path_factory.mktemp("grid")
    for bags in ("6", "4"):
        assert train.main(tiny_arguments(tiny_data, out, "max_epochs=1", "--bags", bags, "--fold", "1")) == 0
    return {size: out / "remedios2020" / f"bags-{size}" / "fold-1" / "seed-0" for size in (4, 6)}


@pytest.fixture
def copied(tiny_run, tmp_path):
    """The finished run in a folder of its own, as if it had been killed before its last file."""
    run = tmp_path / "runs" / tiny_run.relative_to(tiny_run.parents[3])
    shutil.copytree(tiny_run, run)
    shutil.rmtree(run / "export")
    return run


def test_a_run_leaves_what_it_promises(tiny_run):
    for name in ("config.json", "bags.csv", "history.csv", "checkpoints/best.weights.h5", "export/mil_tf.json", *TABLES):
        assert (tiny_run / name).is_file(), name
    assert list(tiny_run.glob("events.*"))
    assert not [path.name for path in tiny_run.rglob("*") if "part" in path.name or path.name.startswith("writing")]
    assert len(rows(tiny_run / "history.csv")) == 4
    facts = config(tiny_run)
    assert (facts["bags"], facts["fold"], facts["seed"]) == (14, 0, 0)
    assert facts["options"]["learning_rate"] == 0.01 and facts["versions"]["tensorflow"]


def test_the_tables_hold_every_bag_and_slice_of_their_split(tiny_run, tiny_data):
    splits = Dataset(tiny_data).splits(0)
    assert {row["id"] for row in rows(tiny_run / "bags.csv")} == {row.id for row in splits["train"]}
    for name in ("validation", "test"):
        assert [row["id"] for row in rows(tiny_run / f"predictions-{name}.csv")] == [row.id for row in splits[name]]
        assert len(rows(tiny_run / f"instances-{name}.csv")) == sum(row.n for row in splits[name])


def test_the_tables_are_of_the_best_weights(tiny_run, tiny_data):
    from mil_tf.data import ShardSource
    from mil_tf.training.run import trained

    dataset = Dataset(tiny_data)
    source = ShardSource(dataset, dataset.splits(0)["test"])
    scores = trained(tiny_run, config(tiny_run)).scorer(source, range(len(source)))
    told = [float(row["y_prob"]) for row in rows(tiny_run / "predictions-test.csv")]
    np.testing.assert_allclose(told, [score[:, 1].max() for score in scores], rtol=1e-6)


def test_a_subset_is_nested_and_recorded(grid, tiny_data):
    small, large = ([row["id"] for row in rows(grid[size] / "bags.csv")] for size in (4, 6))
    assert small == large[:4] and len(set(large)) == 6
    for size in (4, 6):
        assert sum(int(row["label"]) for row in rows(grid[size] / "bags.csv")) == size // 2
    assert set(large) < {row.id for row in Dataset(tiny_data).splits(1)["train"]}


def test_initial_weights_are_the_same_for_every_size_and_fold(grid, tiny_run):
    assert len({config(run)["initial_weights"] for run in (*grid.values(), tiny_run)}) == 1


@pytest.mark.long
def test_the_same_seed_gives_the_same_bits_and_another_one_others(train_tiny, grid, bits, tmp_path):
    given = ("max_epochs=1", "--bags", "6", "--fold", "1")
    assert [train_tiny(*given, "--seed", seed)[0] for seed in ("0", "1")] == [0, 0]
    same, other = (tmp_path / "runs" / "remedios2020" / "bags-6" / "fold-1" / f"seed-{seed}" for seed in (0, 1))
    assert bits(same) == bits(grid[6])
    assert config(same)["initial_weights"] != config(other)["initial_weights"]
    assert {row["id"] for row in rows(same / "bags.csv")} != {row["id"] for row in rows(other / "bags.csv")}
    for name in TABLES:
        assert (same / name).read_bytes() != (other / name).read_bytes()


def test_a_finished_run_is_refused_without_resume_and_left_alone_with_it(train_tiny, tiny_run):
    out, before = tiny_run.parents[3], {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")}
    code, _, told = train_tiny(out=out)
    assert code == 2 and told == f"train.py: {tiny_run} holds a run already; go on with --resume, or choose another --out.\n"
    code, said, told = train_tiny("--resume", out=out)
    assert code == 0 and f"{tiny_run}: finished already" in said and told == ""
    assert {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")} == before


def test_a_run_that_another_process_trains_is_refused(train_tiny, copied):
    with lock.taken(copied):
        code, shown, said = train_tiny("--resume")
    assert code == 2 and said.startswith(f"train.py: {copied} is being trained by process ") and said.count("\n") == 1
    assert "epoch" not in shown


@pytest.mark.long
def test_what_was_killed_before_its_config_was_whole_is_begun_anew(train_tiny, grid, bits, tmp_path):
    run = tmp_path / "runs" / "remedios2020" / "bags-4" / "fold-1" / "seed-0"
    (run / "checkpoints").mkdir(parents=True)
    (run / "lock-3").touch()
    os.utime(run / "lock-3", (0, 0))
    (run / ".config.json.part").write_text("{")
    assert train_tiny("max_epochs=1", "--bags", "4", "--fold", "1")[0] == 0
    assert bits(run) == bits(grid[4]) and not lock.locks(run) and not (run / ".config.json.part").exists()


def test_a_run_that_lacks_its_last_file_writes_it(train_tiny, copied, tiny_run, bits):
    assert train_tiny("--resume")[0] == 0
    assert (copied / "export" / "mil_tf.json").exists() and bits(copied) == bits(tiny_run)


@pytest.mark.parametrize(
    "given, told", [
        (["learning_rate=0.5"], "learning_rate (0.01, now 0.5)"),
        (["window=6", "dropout=0.0"], "dropout (0.2, now 0.0), window (5, now 6)"),
        (["width=4"], "width (2, now 4)"),
        (["--variant", "paper"], "variant"),
    ],
)
def test_a_run_is_not_resumed_with_other_options(train_tiny, copied, given, told):
    code, _, said = train_tiny(*given, "--resume")
    assert code == 2 and said.startswith(f"train.py: {copied} cannot be resumed: it was made with another {told}")
    assert said.count("\n") == 1 and said.endswith("choose another --out.\n")


def test_a_run_is_not_resumed_from_other_initial_weights(train_tiny, copied):
    facts = config(copied)
    (copied / "config.json").write_text(json.dumps({**facts, "initial_weights": "0" * 64}))
    code, _, said = train_tiny("--resume")
    assert code == 2 and "it was made with another initial_weights; choose another --out" in said


def test_a_run_is_not_resumed_on_other_data_or_splits(train_tiny, copied, write_tiny, tiny_data, tmp_path):
    code, _, said = train_tiny("--resume", data=write_tiny(tmp_path / "other", shift=50))
    assert code == 2 and "cannot be resumed: it was made with another data (shards), data (splits)" in said
    shutil.copytree(tiny_data, tmp_path / "same")
    table = tmp_path / "same" / "splits.csv"
    lines = table.read_text().splitlines(keepends=True)
    swapped = {"train": "test", "test": "train"}
    for place in (1, 19):  # a training bag and a test bag of the first fold change places
        cells = lines[place].split(",")
        lines[place] = ",".join([*cells[:2], swapped[cells[2]], cells[3]])
    table.write_text("".join(lines))
    code, _, said = train_tiny("--resume", data=tmp_path / "same")
    assert code == 2 and "it was made with another data (splits); choose" in said


@pytest.mark.parametrize(
    "given, told", [
        ("window=0", "Expected at least 1. Received: 0"), ("warm_up_instances=0", "Expected at least 1. Received: 0"),
        ("max_epochs=0", "Expected at least 1. Received: 0"), ("patience=0", "Expected at least 1. Received: 0"),
        ("chunk=-1", "Expected at least 0. Received: -1"), ("scoring=int8", "Expected one of"),
        ("dropout=1.5", "Expected at least 0 and below 1. Received: 1.5"), ("schedule=cosin", "Expected constant or cosine. Received: 'cosin'"),
        ("selection=bottom", "Expected one of"), ("score_area=face", "Expected one of ('full', 'head')"),
        ("precision=float8", "`precision` to be one of"), ("rescore_top=-1", "Expected at least 0. Received: -1"), ("augmentation=flip", "`augmentation` to be one of"),
        ("backbone=vgg", "`backbone` to be one of"), ("backbone=convnet", "at least 28 pixels a side"),
        ("optimizer=Adm", "Adm"), ("loss=Hinge2", "Hinge2"), ("activation=rel", "rel"),
    ],
)
def test_an_option_that_cannot_be_is_one_line_and_leaves_no_run(train_tiny, tmp_path, given, told):
    code, _, said = train_tiny(given)
    assert code == 2 and said.startswith("train.py: ") and told in said and said.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.long
@pytest.mark.parametrize(
    "given", [
        ("precision=mixed_bfloat16",), ("precision=mixed_float16", "scoring=float16"), ("jit=true", "scoring=float32"),
        ("scoring=exact", "rescore_top=2", "rescore_every=2"), ("score_area=head", "rescore_top=1"),
    ],
)
def test_every_way_of_computing_trains_and_answers(train_tiny, tmp_path, given):
    code, _, said = train_tiny("max_epochs=3", "dropout=0", *given)
    assert code == 0, said
    run = tmp_path / "runs" / "remedios2020" / "bags-14" / "fold-0" / "seed-0"
    assert np.isfinite([float(row["train_loss"]) for row in rows(run / "history.csv")]).all()
    assert len(rows(run / "predictions-test.csv")) == 6


@pytest.mark.parametrize("options", [("warm_up=0",), ("warm_up=2",)])
def test_a_damaged_training_bag_is_named_and_never_learned_from(train_tiny, write_tiny, tmp_path, options):
    dataset = Dataset(write_tiny(tmp_path / "data"))
    row = dataset.splits(0)["train"][11]
    path = dataset.folder / row.shard
    data = bytearray(path.read_bytes())
    data[row.offset + row.length // 2] ^= 1
    path.write_bytes(data)
    code, shown, said = train_tiny(*options, "window=14", "warm_up_window=14", data=dataset.folder)
    assert code == 2 and said.count("\n") == 1 and "epoch" not in shown
    assert f"bags-00001-of-00002.tfrecord, record 1 (bag {row.id}): " in said


def test_training_that_runs_away_stops_and_names_its_steps(train_tiny, tmp_path):
    code, _, said = train_tiny("norm=none", "learning_rate=1e38", "warm_up_learning_rate=1e38", "optimizer=SGD")
    run = tmp_path / "runs" / "remedios2020" / "bags-14" / "fold-0" / "seed-0"
    assert code == 1 and said.startswith(f"train.py: {run}: the ") and said.count("\n") == 1
    assert " is not finite: it was at step " in said and "lower the learning rate" in said


def test_a_label_that_is_unknown_is_not_learned_from(make_bag, write_dataset, train_tiny):
    bags = [make_bag(f"bag{i}", 2, 8, label=label) for i, label in enumerate((0, 1, -1, 0, 1, 0))]
    folder = write_dataset(bags)
    names = ("train", "train", "train", "validation", "validation", "test")
    lines = [f"{bag.id},{bag.patient},{name},0" for bag, name in zip(bags, names)]
    (folder / "splits.csv").write_text("\n".join(["id,patient,split,fold", *lines]) + "\n")
    code, _, said = train_tiny(data=folder)
    assert code == 2 and said == f"train.py: {folder}, bag bag2: Expected a label of 0 or 1. Received: (-1,).\n"


def test_the_rate_is_the_warm_ups_then_constant_or_a_cosine():
    from mil_tf.training.method import learning_rate

    given = {"schedule": "constant", "warm_up": 2, "max_epochs": 12, "warm_up_learning_rate": 0.5, "learning_rate": 0.1}
    assert [learning_rate(given)(epoch) for epoch in (0, 1, 2, 11)] == [0.5, 0.5, 0.1, 0.1]
    rate = learning_rate({**given, "schedule": "cosine"})
    np.testing.assert_allclose([rate(epoch) for epoch in (1, 2, 7, 12)], [0.5, 0.1, 0.05, 0.0], atol=1e-12)
