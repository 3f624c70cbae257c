"""Tables of several classes of any models: both readings, and one line where they do not fit together."""

import csv
import json

import numpy as np
import pytest
from sklearn import metrics as sk

import evaluate
from tests.mil_tf.evaluation.field_runs import CLASSES, named, screen, write_rows, write_tables

ARGUMENTS = ("--resamples", "20")


@pytest.fixture
def files(tmp_path):
    """Three folds of a model, the rows of the last in another order."""
    for fold in range(3):
        (tmp_path / f"fold{fold}").mkdir()
        write_tables(tmp_path / f"fold{fold}", "test", screen((3,))[:: -1 if fold == 2 else 1], 1.5, fold, cells=0)
    return [tmp_path / f"fold{fold}" / "predictions-test.csv" for fold in range(3)]


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row.get("id", ""))
    return [np.array([[float(row[f"{prefix}_{name}"]) for name in CLASSES] for row in rows]) for prefix in ("y_true", "y_prob")]


def test_both_readings(files, tmp_path, capsys):
    assert evaluate.main(["--predictions", *map(str, files), "--out", str(tmp_path / "out"), *ARGUMENTS]) == 0
    shown = capsys.readouterr().out
    tables = [read(path) for path in files]
    truth, mean = tables[0][0], np.mean([scores for _, scores in tables], axis=0)
    single = [sk.accuracy_score(truth.argmax(axis=1), scores.argmax(axis=1)) for _, scores in tables]
    with open(tmp_path / "out" / "predictions-scored.csv", newline="", encoding="utf-8") as file:
        rows = {(row["reading"], row["model"], row["metric"]): float(row["value"]) for row in csv.DictReader(file)}
    for path, value in zip(files, single):
        assert rows["model", str(path), "accuracy"] == value
    assert rows["per fold", "", "accuracy"] == pytest.approx(np.mean(single))
    together = "ensemble, mean probability", ""
    assert rows[*together, "image_accuracy"] == sk.accuracy_score(truth.argmax(axis=1), mean.argmax(axis=1))
    assert rows[*together, "image_map"] == pytest.approx(sk.average_precision_score(truth, mean))
    assert rows[*together, "image_ap_dna"] == pytest.approx(sk.average_precision_score(truth[:, 1], mean[:, 1]))
    assert f"mean {np.mean(single):.3f} [" in shown and "ensemble, mean probability: 32 images of 16 wells" in shown
    numbers = json.loads((tmp_path / "out" / "predictions-scored.json").read_text())
    assert numbers["groups"]["all files"]["files"] == [str(path) for path in files]


def test_few_columns_are_enough(tmp_path, capsys):
    rows = [[f"i{row}", *np.eye(4, dtype=int)[row % 4], *np.roll([0.7, 0.1, 0.1, 0.1], row % 4)] for row in range(12)]
    write_rows(tmp_path / "t.csv", ["id", *named("y_true", CLASSES), *named("y_prob", CLASSES)], rows)
    assert evaluate.main(["--predictions", str(tmp_path / "t.csv"), *ARGUMENTS]) == 0
    shown = capsys.readouterr().out
    assert "all files: 1 table" in shown and "accuracy                1.000" in shown and "MIL layer" not in shown


def refused(capsys, *words):
    assert evaluate.main([*map(str, words), *ARGUMENTS]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_tables_of_other_images_are_refused(files, capsys):
    text = files[1].read_text()
    files[1].write_text(text.replace("plate3_w0x0_s0,", "elsewhere,"))
    assert f"{files[1]}: expected the images of {files[0]}; elsewhere is in one of the two only" in refused(
        capsys, "--predictions", *files)
    files[1].write_text(text.replace("plate3_w0x0_s0,plate3_w0x0", "plate3_w0x0_s0,p"))
    assert "expected image plate3_w0x0_s0 with the same patient" in refused(capsys, "--predictions", *files)


def test_what_is_not_there_is_said_in_one_line(files, tmp_path, capsys):
    assert "Expected --against beside tables of one class" in refused(capsys, "--predictions", files[0], "--against", files[1])
    binary = tmp_path / "fold3.csv"
    binary.write_text("id,y_true,y_prob\na,1,0.5\n")
    assert "fold3.csv: expected columns y_true_<class> and y_prob_<class> of at least 2" in refused(capsys, "--predictions", *files, binary)
    assert "does not exist" in refused(capsys, "--predictions", tmp_path / "nothing.csv")
