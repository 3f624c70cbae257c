"""The command from a run's tables to its report, and every refusal in one line."""

import csv
import json
import re
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import evaluate

ROOT = Path(evaluate.__file__).parent


def write_table(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header.split(","), *rows])


def write_cohort(run, name, bags=24, seed=0, shift=0.0):
    """A detector of some skill: 12 slices a bag, positive bags with 3 positive slices."""
    rng, predictions, instances = np.random.default_rng(seed), [], []
    for bag in range(bags):
        truth, start = np.zeros(12, dtype=int), rng.integers(0, 9)
        truth[start:start + 3] = bag % 2
        score = 1 / (1 + np.exp(1.5 + shift - rng.normal(2.5 * truth, 1)))
        bag_id, patient = f"{name}-{bag}", f"p{bag // 2}"
        predictions.append([bag_id, patient, bag % 2, float(score.max()), int(score.argmax())])
        shown = truth if bag % 2 else [""] * 12
        instances += [[bag_id, patient, i, 5.0 * i, shown[i], float(score[i])] for i in range(12)]
    write_table(run / f"predictions-{name}.csv", "id,patient,y_true,y_prob,top_instance", predictions)
    write_table(run / f"instances-{name}.csv", "id,patient,source_index,position_mm,y_true,y_prob", instances)


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "runs" / "bags-24" / "fold-0" / "seed-0"
    folder.mkdir(parents=True)
    write_cohort(folder, "validation", seed=1)
    write_cohort(folder, "test", seed=2)
    write_table(folder / "history.csv", "epoch,train_loss,validation_loss,validation_ap,validation_auc",
                [[1, 0.7, 0.69, "", ""], [2, 0.5, 0.6, 0.8, 0.7], [3, 0.3, 0.61, 0.85, 0.8]])
    (folder / "config.json").write_text(json.dumps({
        "recipe": "remedios2020", "command": ["python", "train.py", "--bags", "24"], "commit": "1f<script>2",
        "settings": {"norm": "none", "network": {"blocks": [3, 4, 6, 3]}},
        "versions": {"tensorflow": "2.21.0"}, "hardware": {"cpu": "2 cores"}}))
    return folder


@pytest.fixture
def no_page(monkeypatch):
    """Figures and page take most of the time; where only numbers matter they are left out."""
    monkeypatch.setattr("mil_tf.evaluation.run._write_page", lambda *args: None)


def numbers_of(run, part=""):
    return json.loads((run / "evaluation" / part / "metrics.json").read_text())


def fake_prediction(monkeypatch, predict_dataset):
    """The model's part of --on; the real one needs TensorFlow and a trained run."""
    module = types.SimpleNamespace(predict_dataset=predict_dataset)
    monkeypatch.setitem(sys.modules, "mil_tf.inference", module)


def refused(capsys, *args):
    """The one line that a refused command leaves on stderr."""
    assert evaluate.main([str(arg) for arg in args]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_evaluates_a_run(run, capsys):
    assert evaluate.main([str(run), "--resamples", "200"]) == 0
    shown = capsys.readouterr().out
    assert "test: 24 bags of 12 patients, 12 positive" in shown
    for part in ("AP   0.", "AUC  0.", "at 0.5: TP", "at the validation threshold (", "position prior",
                 "AUC within patients", f"report: {run / 'report.html'}", "expected calibration error 0.",
                 "mean pooling", " gain ", "mm to a positive slice, median",
                 "not computed: the run's config.json names no data set"):
        assert part in shown
    names = {path.name for path in (run / "evaluation").iterdir()}
    figures = {"confusion", "precision_recall", "roc", "calibration", "histogram", "profiles", "history"}
    drawn = {f"{figure}.{kind}" for figure in figures for kind in ("png", "pdf")}
    tables = {f"{figure}.csv" for figure in ("confusion", "precision_recall", "roc", "calibration")}
    assert names == {"metrics.json", "metrics.csv", *drawn, *tables}
    for path in (run / "evaluation").glob("*.p*"):
        assert path.read_bytes().startswith(b"\x89PNG" if path.suffix == ".png" else b"%PDF")


def test_numbers_agree_between_files(run, no_page):
    evaluate.main([str(run), "--resamples", "200"])
    numbers = numbers_of(run)
    with open(run / "evaluation" / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    ap = numbers["cohorts"]["test"]["ap"]
    row = next(row for row in rows if (row["cohort"], row["metric"]) == ("test", "ap"))
    assert [float(row[column]) for column in ("value", "low", "high")] == [ap["value"], ap["low"], ap["high"]]
    assert (row["bags"], row["patients"], row["positives"]) == ("24", "12", "12")
    pooled = numbers["cohorts"]["test"]["baselines"]["mean_pooling"]
    row = next(row for row in rows if (row["cohort"], row["metric"]) == ("test", "gain_over_mean_pooling_auc"))
    assert float(row["value"]) == pooled["gain_auc"]["value"]
    metrics = {row["metric"] for row in rows}
    assert {"calibration_error", "slice_top_distance_mean_detector", "slice_top_distance_median_gain"} <= metrics
    decision = numbers["cohorts"]["test"]["decisions"][1]
    assert decision["threshold"] == numbers["validation_threshold"]
    tpr = next(row for row in rows if row["metric"] == "tpr" and row["cohort"] == "test"
               and row["threshold"] == str(decision["threshold"]))
    assert (int(tpr["k"]), int(tpr["n"])) == (decision["tp"], decision["tp"] + decision["fn"])


def test_what_is_drawn_is_a_table_too(run, no_page):
    evaluate.main([str(run), "--resamples", "20"])
    found = numbers_of(run)["cohorts"]["test"]
    tables = {}
    for name in ("precision_recall", "roc", "confusion", "calibration"):
        with open(run / "evaluation" / f"{name}.csv", newline="") as file:
            tables[name] = [row for row in csv.DictReader(file) if row["cohort"] == "test"]
    steps = [(float(row["recall"]), float(row["precision"])) for row in tables["precision_recall"]]
    ap = sum((recall - before) * precision for (before, _), (recall, precision) in zip(steps, steps[1:]))
    assert ap == pytest.approx(found["ap"]["value"], abs=1e-12)
    ends = [(float(row["fpr"]), float(row["tpr"])) for row in (tables["roc"][0], tables["roc"][-1])]
    assert ends == [(0, 0), (1, 1)]
    assert [int(row["tp"]) for row in tables["confusion"]] == [one["tp"] for one in found["decisions"]]
    bins = found["calibration"]["bins"]
    assert [float(row["positive"]) for row in tables["calibration"]] == [one["positive"]["value"] for one in bins]
    assert sum(int(row["n"]) for row in tables["calibration"]) == 24


def write_located(run, name, bags=24, **more):
    """Points of the cohort of write_cohort: the patients of its first bags were tuned on."""
    rows = [[f"{name}-{bag}", f"p{bag // 2}", bag % 2, bag % 2, bag % 2 * (bag % 3 > 0), bag % 5 == 0,
             bag % 2 * (bag % 3 == 0), "tune" if bag < 10 else "test"] for bag in range(bags)]
    write_table(run / f"located-{name}.csv", "id,patient,y_true,boxes,tp,fp,fn,used",
                [[int(cell) if isinstance(cell, bool) else cell for cell in row] for row in rows])
    facts = {"pooling": "max", "detector": {"h": 0.1, "threshold": 0.5, "distance": 9.0}, "only_positive": False,
             "source": "tuned", "dice_tuned": 0.75, "trials": 130, "bounds": {"h": [0, 1.5]}, **more}
    (run / "detector.json").write_text(json.dumps(facts))


def test_points_are_scored_against_boxes(run, capsys):
    write_located(run, "test")
    assert evaluate.main([str(run), "--resamples", "50"]) == 0
    shown, page = capsys.readouterr().out, (run / "report.html").read_text(encoding="utf-8")
    assert "points against boxes: 14 slices of 7 patients, 7 positive, 7 boxes" in shown
    assert "Where it bleeds: points against boxes" in page and "tuned on 5 other patients" in page
    found = numbers_of(run)["cohorts"]
    assert found["validation"]["positions"] is None and found["test"]["positions"]["counts"]["boxes"] == 7
    with open(run / "evaluation" / "metrics.csv", newline="") as file:
        rows = {row["metric"]: row for row in csv.DictReader(file) if row["cohort"] == "test"}
    dice = found["test"]["positions"]["points"]["dice"]
    assert [float(rows["points_dice"][column]) for column in ("value", "low", "high")] == [
        dice[column] for column in ("value", "low", "high")]
    assert [rows["points_dice"][column] for column in ("bags", "patients", "positives")] == ["14", "7", "7"]
    assert rows["ap"]["bags"] == "24"


def test_points_of_several_runs_stand_in_the_summary(run, tmp_path, capsys, no_page):
    other = run.with_name("seed-1")
    other.mkdir()
    for name in ("validation", "test"):
        write_cohort(other, name, seed=5)
    write_located(run, "test")
    evaluate.main([str(tmp_path / "runs"), "--resamples", "50"])
    assert "Dice of points" in capsys.readouterr().out
    with open(tmp_path / "runs" / "summary.csv", newline="") as file:
        first, second = csv.DictReader(file)
    assert first["points_boxes"] == "7" and second["points_dice"] == ""
    points = numbers_of(run)["cohorts"]["test"]["positions"]["points"]
    assert float(first["points_ppv_low"]) == points["ppv"]["low"]


def test_a_broken_table_of_points_is_named(run, capsys):
    write_located(run, "test", bags=26)
    assert "located-test.csv, line 26: slice test-24 is not in predictions-test.csv" in refused(capsys, run)
    write_located(run, "test")
    (run / "detector.json").write_text("{")
    assert "detector.json cannot be read as JSON" in refused(capsys, run)


def test_same_seed_same_numbers(run, no_page):
    written = []
    for seed in ("0", "0", "1"):
        evaluate.main([str(run), "--resamples", "200", "--seed", seed])
        written.append((run / "evaluation" / "metrics.csv").read_bytes())
    assert written[0] == written[1] != written[2]


def test_the_threshold_sees_the_validation_bags_only(run, no_page):
    thresholds = []
    for seed, shift in ((2, 0.0), (3, 2.0)):
        write_cohort(run, "test", seed=seed, shift=shift)
        evaluate.main([str(run), "--resamples", "20"])
        thresholds.append(numbers_of(run)["validation_threshold"])
    assert thresholds[0] == thresholds[1]
    write_cohort(run, "validation", seed=1, shift=2.0)
    evaluate.main([str(run), "--resamples", "20"])
    assert numbers_of(run)["validation_threshold"] != thresholds[0]


def test_report_stands_alone_and_escapes(run):
    evaluate.main([str(run), "--resamples", "200"])
    page = (run / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|//\w|@import|<link|<script|<img|<iframe|url\((?!#)", page)
    assert "1f&lt;script&gt;2" in page
    assert page.index('class="answer"') < page.index("<table")
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    for part in ("24 bags of 12 patients, 12 positive", "position prior", "Settings", "network.blocks",
                 "2.21.0", "2 cores", "python train.py --bags 24", "95 % interval"):
        assert part in page
    assert page.count("<svg") == page.count("</svg>") == 7
    ids = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', page)
    defined = set(re.findall(r'\bid="([^"]+)"', page))
    assert ids
    assert {a or b for a, b in ids} <= defined


def test_bags_without_slices_history_or_config(run):
    for name in ("instances-validation.csv", "instances-test.csv", "history.csv", "config.json"):
        (run / name).unlink()
    assert evaluate.main([str(run), "--resamples", "20"]) == 0
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Slices of" not in page
    assert "no config.json" in page
    assert page.count("<svg") == 5
    assert "not computed: no table of slices" in page


def test_one_class_is_said_and_not_guessed(run, capsys):
    for name in ("validation", "test"):
        write_table(run / f"predictions-{name}.csv", "id,patient,y_true,y_prob", [["a", "p", 1, 0.9]])
        write_table(run / f"instances-{name}.csv", "id,patient,source_index,position_mm,y_true,y_prob",
                    [["a", "p", 0, 0.0, 1, 0.9], ["a", "p", 1, 5.0, "", 0.2]])
    assert evaluate.main([str(run), "--resamples", "20"]) == 0
    shown = capsys.readouterr().out
    assert "AP   undefined: one class only" in shown
    assert "validation threshold" not in shown
    numbers = numbers_of(run)
    assert numbers["validation_threshold"] is None
    assert numbers["cohorts"]["test"]["auc"] == {"value": None, "low": None, "high": None,
                                                 "note": "undefined: one class only"}
    assert "No threshold could be chosen" in (run / "report.html").read_text(encoding="utf-8")


def test_every_run_below_a_folder_and_a_summary(run, tmp_path, capsys, no_page):
    other = run.with_name("seed-1")
    other.mkdir()
    write_cohort(other, "validation", seed=5)
    write_cohort(other, "test", bags=30, seed=6)
    unfinished = run.with_name("seed-2")
    unfinished.mkdir()
    (unfinished / "config.json").write_text("{}")
    (run / "export").mkdir()
    (run / "export" / "config.json").write_text("{}")
    assert evaluate.main([str(tmp_path / "runs"), "--resamples", "50"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("left out: its training has not finished") == 1
    with open(tmp_path / "runs" / "summary.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == ["bags-24/fold-0/seed-0", "bags-24/fold-0/seed-1"]
    assert [row["bags"] for row in rows] == ["24", "30"]
    numbers = numbers_of(other)["cohorts"]["test"]
    assert float(rows[1]["ap_low"]) == numbers["ap"]["low"]
    assert float(rows[1]["tpr_at_validation_threshold"]) == numbers["decisions"][1]["tpr"]["value"]
    assert float(rows[1]["slice_within_auc_prior"]) == numbers["slices"]["within_auc"]["prior"]["value"]


def test_another_cohort_is_scored_at_the_validation_threshold(run, tmp_path, monkeypatch, capsys):
    calls = []

    def predict_dataset(run, data, name):
        calls.append((run, data, name))
        write_cohort(run, name, bags=16, seed=9)
    fake_prediction(monkeypatch, predict_dataset)
    evaluate.main([str(run), "--resamples", "20"])
    before = (run / "report.html").read_bytes()
    assert evaluate.main([str(run), "--on", str(tmp_path), "--name", "site-B_2", "--resamples", "20"]) == 0
    assert calls == [(run, tmp_path, "site-B_2")]
    assert "site-B_2: 16 bags of 8 patients, 8 positive" in capsys.readouterr().out
    own, there = numbers_of(run), numbers_of(run, "site-B_2")
    assert there["validation_threshold"] == own["validation_threshold"]
    assert set(there["cohorts"]) == {"validation", "site-B_2"}
    assert (run / "report-site-B_2.html").exists()
    assert (run / "report.html").read_bytes() == before


def test_a_data_set_that_is_none_is_refused_in_one_line(run, tmp_path, monkeypatch, capsys):
    from tfrecords import DatasetError

    def predict_dataset(run, data, name):
        raise DatasetError(f"{data} is no data set")
    fake_prediction(monkeypatch, predict_dataset)
    assert "is no data set" in refused(capsys, run, "--on", tmp_path, "--name", "x")


@pytest.mark.parametrize("name", ["validation", "test", "a/b", "..", "a b", ""])
def test_names_that_would_do_harm_are_refused(run, tmp_path, capsys, name):
    assert "Expected --name of letters" in refused(capsys, run, "--on", tmp_path, "--name", name)


def test_wrong_folders_are_refused(run, tmp_path, capsys):
    assert "which is no folder" in refused(capsys, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "is no finished run" in refused(capsys, tmp_path / "empty")
    assert "--on DIR and --name X together" in refused(capsys, run, "--name", "x")
    assert "folder of preprocessed bags" in refused(capsys, run, "--on", tmp_path / "none", "--name", "x")


@pytest.mark.parametrize("name", ["validation", "test"])
def test_a_missing_table_is_named(run, capsys, name):
    (run / f"predictions-{name}.csv").unlink()
    assert f"predictions-{name}.csv" in refused(capsys, run)


def test_broken_files_are_named(run, capsys):
    (run / "history.csv").write_text("epoch,train_loss\n1,high\n")
    assert "history.csv: expected a number" in refused(capsys, run)
    (run / "history.csv").unlink()
    (run / "config.json").write_text("{")
    assert "config.json cannot be read as JSON" in refused(capsys, run)
    (run / "config.json").unlink()
    (run / "predictions-test.csv").write_text("id,patient,y_true,y_prob\na,p,1,2\n")
    assert "line 2: expected a probability" in refused(capsys, run)


def write_fold(folder, name, truth=(0, 1) * 10, seed=0):
    rng = np.random.default_rng(seed)
    write_table(folder / name, "y_true,y_prob", [[y, round(0.3 * y + 0.7 * rng.random(), 4)] for y in truth])
    return str(folder / name)


def test_predictions_of_any_models_are_scored(tmp_path, capsys):
    files = [write_fold(tmp_path, f"fold{k}.csv", seed=k) for k in range(3)]
    assert evaluate.main(["--predictions", *files, "--resamples", "50"]) == 0
    shown = capsys.readouterr().out
    for part in ("all files: 3 files, 20 bags of 20 patients, 10 positive", "per fold", "ensemble of 3", "majority vote"):
        assert part in shown
    assert evaluate.main(["--predictions", "1=" + files[0], "--predictions", "2=" + files[1], "--against", "1=" + files[2],
                          "2=" + files[2], "--resamples", "50", "--out", str(tmp_path / "out")]) == 0
    assert "p = " in capsys.readouterr().out
    assert (tmp_path / "out" / "predictions-roc.png").exists()


def test_predictions_that_cannot_be_scored_are_refused_in_one_line(tmp_path, capsys):
    one, other = write_fold(tmp_path, "fold0.csv"), write_fold(tmp_path, "fold1.csv", truth=(0, 1) * 9 + (1, 1))
    assert "fold1.csv, line 20: expected y_true 0" in refused(capsys, "--predictions", one, other)
    assert "is given twice" in refused(capsys, "--predictions", one, one)
    assert "none.csv does not exist" in refused(capsys, "--predictions", tmp_path / "none.csv")


@pytest.mark.parametrize("words", [
    [], ["RUN", "--predictions", "a.csv"], ["RUN", "--out", "x"], ["RUN", "--against", "a.csv"],
    ["--predictions", "a.csv", "--on", "x", "--name", "y"],
    ["--patches", "x.h5"], ["RUN", "--model", "x"], ["--labels", "y.h5", "RUN"], ["RUN", "--patches", "x", "--model", "m"],
    ["--patches", "x", "--model", "m", "--on", "x", "--name", "y"],
])
def test_words_that_do_not_go_together_are_refused(words, capsys):
    with pytest.raises(SystemExit) as stop:
        evaluate.main(words)
    assert stop.value.code == 2
    assert "evaluate.py: error: expected " in capsys.readouterr().err


def test_help_and_evaluation_load_no_framework():
    code = ("import sys, evaluate\n"
            "try: evaluate.main(['--help'])\nexcept SystemExit: pass\n"
            "heavy = {'tensorflow', 'keras', 'matplotlib', 'scipy', 'skimage', 'numpy'}\n"
            "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
            "import mil_tf.evaluation.run, mil_tf.evaluation.figures, mil_tf.evaluation.report\n"
            "import mil_tf.evaluation.scored, mil_tf.evaluation.scored_figures, mil_tf.evaluation.scored_results\n"
            "assert not {'tensorflow', 'keras', 'matplotlib.pyplot'} & set(sys.modules)\n")
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
