"""From a run's tables to numbers, figures and page; every refusal in one line."""

import csv
import json
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

import evaluate
from mil_tf.evaluation.fields.run import is_fields
from tests.mil_tf.evaluation.field_runs import CLASSES, screen, write_run, write_tables

ARGUMENTS = ("--resamples", "20")


@pytest.fixture
def no_page(monkeypatch):
    """Figures and page take most of the time; where only numbers matter they are left out."""
    monkeypatch.setattr("mil_tf.evaluation.fields.run._write_page", lambda *args: None)


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def array_of(rows, prefix):
    return np.array([[float(row[f"{prefix}_{name}"]) for name in CLASSES] for row in rows])


def value_of(run, metric, each="", part=""):
    rows = rows_of(run / "evaluation" / part / "metrics.csv")
    (row,) = [row for row in rows if (row["cohort"] != "validation", row["metric"], row["class"]) == (True, metric, each)]
    return float(row["value"])


def refused(capsys, run):
    assert evaluate.main([str(run), *ARGUMENTS]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_the_command_writes_tables_figures_and_page(tmp_path, capsys):
    run = write_run(tmp_path)
    assert evaluate.main([str(run), *ARGUMENTS]) == 0
    shown, page = capsys.readouterr().out, (run / "report.html").read_text(encoding="utf-8")
    for text in (shown, page):
        assert "test: 32 images of 16 wells, 4 classes, 8 treatments, replicate 3" in text
        assert "treatments, median over their images" in text and "cropped cells, labelled by themselves" in text
    names = {path.name for path in (run / "evaluation").iterdir()}
    figures = {f"{name}.{kind}" for name in ("confusion", "confusion_treatments", "classes", "calibration", "history")
               for kind in ("png", "pdf")}
    assert names == {"metrics.json", "metrics.csv", "confusion.csv", "classes.csv", "calibration.csv", *figures}
    test = {(row["metric"], row["class"]): row for row in rows_of(run / "evaluation" / "metrics.csv")
            if row["cohort"] == "test"}
    for (metric, each), row in test.items():
        if not metric.startswith(("pool_recall", "pool_a", "treatment_a", "cell_bag_auc", "cell_own_auc")) or not each:
            assert f"{float(row['value']):.3f}" in page, (metric, each)
    assert f"accuracy                {float(test['image_accuracy', '']['value']):.3f}" in shown
    for binary in ("ROC", "position prior", "trivial", "slices"):
        assert binary not in page


def test_the_numbers_are_those_of_the_tables(tmp_path, no_page):
    run = write_run(tmp_path, skill=1.0)
    evaluate.main([str(run), *ARGUMENTS])
    rows = rows_of(run / "predictions-test.csv")
    truth, prob, pool = (array_of(rows, prefix) for prefix in ("y_true", "y_prob", "y_pool"))
    label = truth.argmax(axis=1)
    assert value_of(run, "image_accuracy") == sk.accuracy_score(label, prob.argmax(axis=1))
    assert value_of(run, "image_class_mean_accuracy") == pytest.approx(sk.balanced_accuracy_score(label, prob.argmax(axis=1)))
    assert value_of(run, "image_map") == pytest.approx(sk.average_precision_score(truth, prob))
    assert value_of(run, "pool_map") == pytest.approx(sk.average_precision_score(truth, pool))
    for at, name in enumerate(CLASSES):
        assert value_of(run, "image_auc", name) == pytest.approx(sk.roc_auc_score(truth[:, at], prob[:, at]))
    treatment = np.array([row["treatment"] for row in rows])
    right = [np.median(prob[treatment == name], axis=0).argmax() == label[treatment == name][0] for name in set(treatment)]
    assert value_of(run, "treatment_accuracy") == np.mean(right)
    cells = rows_of(run / "cells-test.csv")
    truth, pool = array_of(cells, "y_true"), array_of(cells, "y_pool")
    assert value_of(run, "cell_bag_accuracy") == sk.accuracy_score(truth.argmax(axis=1), pool.argmax(axis=1))
    assert value_of(run, "cell_bag_map") == pytest.approx(sk.average_precision_score(truth, pool))
    own = [(CLASSES.index(row["y_cell"]), scores) for row, scores in zip(cells, pool) if row["y_cell"]]
    assert value_of(run, "cell_own_accuracy") == np.mean([label == scores.argmax() for label, scores in own])
    numbers = json.loads((run / "evaluation" / "metrics.json").read_text())
    test = numbers["cohorts"]["test"]
    assert numbers["validation_thresholds"] is None and test["single_label"] is True
    assert test["counts"] == {"images": 32, "wells": 16, "classes": 4, "treatments": 8, "replicates": ["3"]}
    assert test["levels"]["image"]["accuracy"]["value"] == value_of(run, "image_accuracy")
    assert test["levels"]["cell_own"]["rows"] == len(own) == 64
    called = [int(row["count"]) for row in rows_of(run / "evaluation" / "confusion.csv")
              if (row["cohort"], row["level"]) == ("test", "image")]
    assert np.reshape(called, (4, 4)).tolist() == test["levels"]["image"]["confusion"]


def test_several_labels_an_image(tmp_path, capsys):
    run = write_run(tmp_path, multi=0.5, test=(2, 3))
    assert evaluate.main([str(run), *ARGUMENTS]) == 0
    shown, page = capsys.readouterr().out, (run / "report.html").read_text(encoding="utf-8")
    rows = rows_of(run / "predictions-test.csv")
    truth, prob = array_of(rows, "y_true"), array_of(rows, "y_prob")
    single = truth.sum(axis=1) == 1
    assert 0 < single.sum() < len(rows)
    assert value_of(run, "image_accuracy") == np.mean((truth.argmax(axis=1) == prob.argmax(axis=1))[single])
    assert f"64 images of 32 wells, {single.sum()} with exactly one class" in shown and "replicates 2 and 3" in page
    macro, micro = (sk.f1_score(truth, prob >= 0.5, average=how, zero_division=0) for how in ("macro", "micro"))
    assert value_of(run, "f1_macro_at_0.5") == pytest.approx(macro) and f"{macro:.3f}" in page
    assert value_of(run, "f1_micro_at_0.5") == pytest.approx(micro)
    numbers = json.loads((run / "evaluation" / "metrics.json").read_text())
    at = list(numbers["validation_thresholds"].values())
    assert [len(cohort["decisions"]) for cohort in numbers["cohorts"].values()] == [1, 2]  # not where they were chosen
    expected = sk.f1_score(truth, prob >= at, average="macro", zero_division=0)
    assert value_of(run, "f1_macro_at_validation_thresholds") == pytest.approx(expected)
    assert "treatments, median over replicates of the median over images" in shown


def test_the_pooling_is_drawn_where_the_run_tells_it(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    given = []
    module = types.SimpleNamespace(curves=lambda facts: given.append(facts) or Figure())
    monkeypatch.setitem(sys.modules, "mil_tf.evaluation.pooling_figure", module)
    monkeypatch.setattr("mil_tf.evaluation.pooling_figure", module, raising=False)
    monkeypatch.setattr("mil_tf.evaluation.figures.save", lambda figure, folder, name: (folder / f"{name}.png").touch())
    run = write_run(tmp_path, treatments=1, cells=0)
    facts = {"pooling": "noisy_and", "slope": 10, "thresholds": dict.fromkeys(CLASSES, 0.5)}
    (run / "pooling.json").write_text(json.dumps(facts))
    assert evaluate.main([str(run), *ARGUMENTS]) == 0
    assert given == [facts] and (run / "evaluation" / "pooling.png").exists()
    assert "Pooling: the answer of the MIL layer" in (run / "report.html").read_text(encoding="utf-8")


def test_another_cohort_is_predicted_and_has_files_of_its_own(tmp_path, monkeypatch, no_page):
    run = write_run(tmp_path)

    def predict_dataset(folder, data, name):
        write_tables(Path(folder), name, screen((7,)), 1.0, 5)

    monkeypatch.setitem(sys.modules, "mil_tf.inference", types.SimpleNamespace(predict_dataset=predict_dataset))
    assert evaluate.main([str(run), "--on", str(tmp_path), "--name", "other", *ARGUMENTS]) == 0
    numbers = json.loads((run / "evaluation" / "other" / "metrics.json").read_text())
    assert list(numbers["cohorts"]) == ["validation", "other"]
    assert numbers["cohorts"]["other"]["counts"]["replicates"] == ["7"]


def test_a_class_that_is_on_no_image_is_named_and_left_out(tmp_path, capsys, no_page):
    run = write_run(tmp_path, cells=0)
    rows = [row for row in screen((3,)) if not row["truth"][0]]
    write_tables(run, "test", rows, 2.0, 0, cells=0)
    assert evaluate.main([str(run), *ARGUMENTS]) == 0
    assert "(3 of 4 classes; left out: actin (on no row))" in capsys.readouterr().out


@pytest.mark.parametrize(("table", "old", "new", "message"), [
    ("predictions-test.csv", "y_prob_dna", "y_prob_rna", "column y_prob_dna is missing"),
    ("predictions-validation.csv", "y_true_dna", "truth", "column y_true_dna is missing"),
    ("predictions-test.csv", "drug1 0.3", "drug0 0.3", "expected one truth of all images of treatment drug0 0.3"),
    ("cells-test.csv", ",kinase,", ",unknown,", "nothing as y_cell, received 'unknown'"),
    ("predictions-test.csv", "plate3_w0x0_s0,", "elsewhere,", "cells-test.csv, line 2: image plate3_w0x0_s0 is not in"),
])
def test_broken_tables_are_one_line(tmp_path, capsys, no_page, table, old, new, message):
    path = write_run(tmp_path) / table
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert message in refused(capsys, path.parent)


def test_a_broken_pooling_file_is_one_line(tmp_path, capsys):
    run = write_run(tmp_path, treatments=1, cells=0)
    (run / "pooling.json").write_text("{")
    assert "pooling.json cannot be read as JSON" in refused(capsys, run)


def test_probabilities_that_do_not_sum_to_one_are_told(tmp_path, capsys, no_page):
    run = write_run(tmp_path, treatments=1, cells=0)
    write_tables(run, "test", screen((3,), 1), 2.0, 0, softmax=False, cells=0)
    assert evaluate.main([str(run), *ARGUMENTS]) == 0
    (note,) = json.loads((run / "evaluation" / "metrics.json").read_text())["cohorts"]["test"]["notes"]
    assert "do not sum to 1, as a softmax" in note and f"note: {note}" in capsys.readouterr().out


def test_same_seed_same_numbers(tmp_path, no_page):
    runs = [write_run(tmp_path / name, treatments=1) for name in "ab"]
    for run in runs:
        evaluate.main([str(run), *ARGUMENTS])
    first, second = ((run / "evaluation" / "metrics.csv").read_bytes() for run in runs)
    assert first == second


def test_only_runs_on_fields_are_fields():
    assert is_fields({"preprocessing": {"kind": "fields"}})
    assert not is_fields({"preprocessing": {"kind": "ct"}}) and not is_fields({}) and not is_fields({"preprocessing": None})


def test_nothing_of_it_needs_tensorflow():
    code = ("import sys; sys.path.insert(0, sys.argv[1]); import mil_tf.evaluation.fields.grid_report, "
            "mil_tf.evaluation.fields.report, mil_tf.evaluation.run; print('tensorflow' in sys.modules)")
    root = Path(evaluate.__file__).parent
    done = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
