"""The poolings of tables 1 and 2: which rows there are, what is measured, kept and refused."""

import json
from pathlib import Path

import pytest

from benchmarks import field_poolings
from benchmarks.common import read_csv
from mil_tf import recipes
from mil_tf.options import parse_assignments, resolve
from tests.mil_tf.evaluation.field_runs import write_run


def test_the_rows_are_the_papers_and_the_recipe_takes_them():
    assert len(field_poolings.ROWS) == 11 and list(field_poolings.ROWS)[0] == field_poolings.CELLS
    recipe = recipes.load("kraus2016")
    for assigned in field_poolings.ROWS.values():
        resolve(recipe.OPTIONS, parse_assignments(assigned))


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Stands in for training: made-up runs; the commands that it was called with."""
    import train

    called = []

    def main(command):
        called.append(command)
        seed, out = int(command[command.index("--seed") + 1]), Path(command[command.index("--out") + 1])
        run = write_run(out, bags=24, fold=0, seed=seed)
        config = json.loads((run / "config.json").read_text())
        config["options"] = {**config.get("options", {}), "max_epochs": 3}
        (run / "config.json").write_text(json.dumps({**config, "bags": 24}))
        (run / "progress.json").write_text(json.dumps({"seconds": 7.2}))
        return 0

    made = {"options": "none", "bytes": "sha256 0"}
    monkeypatch.setattr(train, "main", main)
    monkeypatch.setattr(field_poolings, "RESAMPLES", 20)
    monkeypatch.setattr(field_poolings, "_made", lambda given: dict(made))
    return called, made


def words(tmp_path, *more):
    return ["--data", "none", "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "found.csv"), "--seeds", "1", *more]


def test_what_is_measured_is_kept_and_gone_on_with(trained, tmp_path):
    called, _ = trained
    assert field_poolings.main(words(tmp_path, "--only", "max")) == 0
    first = (tmp_path / "found.csv").read_text()
    assert field_poolings.main(words(tmp_path, "--only", "max", "LSE, r = 5")) == 0
    assert (tmp_path / "found.csv").read_text().startswith(first) and len(called) == 2
    assert called[0][-2:] == ["maps=0", "pooling=max"] and called[1][-1] == "pooling=log_sum_exp(r=5)"
    rows = read_csv(tmp_path / "found.csv")
    assert [row["row"] for row in rows] == ["max", "LSE, r = 5"] and {row["seconds"] for row in rows} == {7}
    for row in rows:
        for level in ("image", "pool", "treatment", "cell_bag", "cell_own"):
            assert 0 <= row[f"{level}_map_low"] <= row[f"{level}_map"] <= row[f"{level}_map_high"] <= 1


def test_rows_of_other_options_or_data_are_refused(trained, tmp_path, capsys):
    called, made = trained
    assert field_poolings.main(words(tmp_path, "--only", "max")) == 0
    made["bytes"] = "sha256 1"
    assert field_poolings.main(words(tmp_path, "--only", "max")) == 2 and len(called) == 1
    assert "Expected rows named all made with bytes sha256 1. Received: rows with sha256 0" in capsys.readouterr().err
    assert field_poolings.main(words(tmp_path, "--only", "max", "--name", "held-out")) == 0 and len(called) == 2
