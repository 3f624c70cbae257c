"""The command over a grid: its page, its files, and grids in which something is missing, broken or of another kind."""

import csv
import json
import re

import numpy as np
import pytest

import evaluate
from tests.mil_tf.evaluation.grids import (
    SLICES,
    slice_truths,
    write_answers,
    write_grid,
    write_run,
    write_unfinished,
)
from tfrecords import Dataset

SKILLS = {50: 0.5, 100: 1.5, 200: 3.0, 400: 3.5}


@pytest.fixture(autouse=True)
def no_pages_of_runs(monkeypatch):
    """The figures of single runs have tests of their own and take most of the time."""
    monkeypatch.setattr("mil_tf.evaluation.run._write_page", lambda *args: None)


@pytest.fixture
def no_files(monkeypatch):
    """Where only the page and its tables matter, figures are not written to files as well."""
    monkeypatch.setattr("mil_tf.evaluation.figures.save", lambda *args: None)


def evaluated(folder, *more):
    assert evaluate.main([str(folder), "--resamples", "50", "--workers", "1", *more]) == 0
    return (folder / "report.html").read_text(encoding="utf-8") if (folder / "report.html").exists() else ""


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_grid_has_a_page_figures_and_tables(tmp_path, capsys):
    write_grid(tmp_path, SKILLS)
    page = evaluated(tmp_path)
    shown = capsys.readouterr().out
    assert "remedios2020: how many bags are enough?" in shown
    assert f"report: {tmp_path / 'report.html'}" in shown
    names = {path.name for path in (tmp_path / "evaluation").iterdir()}
    figures = ("ap_by_size", "auc_by_size", "tpr_by_size", "tnr_by_size", "precision_recall_by_size", "confusion_largest")
    tables = ("models", "sizes", "shortfalls", "learning_curve", "laws", "precision_recall", "confusion")
    assert names == {*(f"{name}.{kind}" for name in figures for kind in ("png", "pdf")),
                     *(f"{name}.csv" for name in tables), "answer.txt"}
    assert page.index('class="answer"') < page.index("<svg") < page.index("<table")
    assert page.count("<svg") == page.count("</svg>") == len(figures)
    assert not re.search(r"https?:|//\w|@import|<link|<script|<img|<iframe|url\((?!#)", page)
    for part in ("per fold", "ensemble", "12 models: 4 sizes (50 to 400 training bags), 3 folds, 1 seed", "12 min 0 s",
                 "0123456789ab", "CPU &lt;1&gt;", "train.py --bags 100 200 --folds 5", "2.21.0", "Fitted law",
                 'href="remedios2020/bags-50/fold-0/seed-0/report.html"', "The errors cannot be shown: "
                 "The data folder data is not to be found from here."):
        assert part in page, part


def test_numbers_agree_between_the_grid_and_its_runs(tmp_path, no_files):
    runs = write_grid(tmp_path, SKILLS)
    evaluated(tmp_path)
    own = [json.loads((run / "evaluation" / "metrics.json").read_text())["cohorts"]["test"]["ap"]["value"] for run in runs]
    models = [float(row["value"]) for row in rows_of(tmp_path / "evaluation" / "models.csv") if row["metric"] == "ap"]
    assert models == pytest.approx(own, abs=1e-12)
    sizes = {(row["bags"], row["metric"], row["reading"]): row for row in rows_of(tmp_path / "evaluation" / "sizes.csv")
             if row["rule"] in ("", "at 0.5")}
    assert float(sizes["50", "ap", "per fold"]["value"]) == pytest.approx(np.mean(own[:3]))
    assert sizes["50", "tpr", "ensemble"]["models"] == "3"
    counts = rows_of(tmp_path / "evaluation" / "confusion.csv")
    assert {sum(float(row[name]) for name in ("tn", "fp", "fn", "tp")) for row in counts} == {40.0}


def test_what_is_missing_is_named_and_the_rest_is_drawn(tmp_path, no_files):
    write_grid(tmp_path, {bags: SKILLS[bags] for bags in (50, 100)})
    write_run(tmp_path, 200, 0, 0, 3.0, slice_truths(40))
    write_run(tmp_path, 400, 1, 0, 3.0, slice_truths(30))
    write_unfinished(tmp_path, 200, 1, 0, failed="loss is nan")
    page = evaluated(tmp_path)
    for line in ("200 bags, fold 1, seed 0: failed: loss is nan", "200 bags, fold 2, seed 0: no run",
                 "left out: 400 bags, fold 1, seed 0: another test set (30 bags of 30 patients, 15 positive)"):
        assert f"<li>{line}</li>" in page
    assert "The law is not fitted: a law of three numbers needs at least 4 sizes, there are 3." in page
    assert "no interval: one fold only" in page


def test_folds_with_test_sets_of_their_own(tmp_path, no_files):
    for bags, skill in SKILLS.items():
        for fold in range(3):
            write_run(tmp_path, bags, fold, 0, skill, slice_truths(30, prefix=f"fold{fold}"))
    page = evaluated(tmp_path)
    assert "none: the folds have test sets of their own" in page
    assert "The folds have test sets of their own, so there is no ensemble" in page
    assert "Fitted law" in page


def test_grids_are_never_mixed_and_each_has_a_page(tmp_path, capsys, no_files):
    write_grid(tmp_path / "a", {50: 1.0, 100: 2.0}, folds=2)
    write_run(tmp_path / "b", 50, 0, 0, 1.0, slice_truths(40), options={"scoring": "fast", "backbone": "resnet34"})
    write_run(tmp_path / "b", 100, 0, 0, 1.0, slice_truths(40), options={"scoring": "fast", "backbone": "resnet34"})
    assert evaluated(tmp_path) == ""
    shown = capsys.readouterr().out
    for name, models in (("scoring-exact", "4 models"), ("scoring-fast", "2 models")):
        page = (tmp_path / f"report-{name}.html").read_text(encoding="utf-8")
        assert models in page
        assert (tmp_path / "evaluation" / name / "sizes.csv").exists()
        assert str(tmp_path / f"report-{name}.html") in shown


def test_one_size_and_one_fold_are_a_grid_too(tmp_path, no_files):
    write_grid(tmp_path / "size", {50: 2.0})
    page = evaluated(tmp_path / "size")
    assert "There is one size only, 50 bags" in page
    write_grid(tmp_path / "fold", SKILLS, folds=1)
    assert "The data cannot tell how many bags are enough: no size shares two folds" in evaluated(tmp_path / "fold")


def test_one_class_only_is_said(tmp_path, no_files):
    write_grid(tmp_path, SKILLS, folds=2, truths=slice_truths(20, positives=0))
    page = evaluated(tmp_path)
    assert "undefined for 2 of 2 models" in page
    assert "not fitted: a model&#x27;s value is undefined" in page


def test_seeds_are_averaged_within_their_fold(tmp_path, no_files):
    write_grid(tmp_path, {50: 1.0, 100: 2.0}, folds=2, seeds=2)
    page = evaluated(tmp_path)
    assert "8 models: 2 sizes (50 to 100 training bags), 2 folds, 2 seeds" in page
    row = next(row for row in rows_of(tmp_path / "evaluation" / "sizes.csv") if row["reading"] == "per fold")
    assert (row["models"], row["folds"]) == ("4", "2")


def test_errors_are_shown_where_the_data_is_there(tmp_path, make_bag, write_dataset):
    truths = slice_truths(40)
    bags = [make_bag(id, n=SLICES, size=12, label=int(truth.any()), mask=np.ones((SLICES, 12, 12), np.uint8))
            for id, truth in truths.items()]
    data = Dataset(write_dataset(bags, info={"classes": ["positive"], "preprocessing": {"kind": "ct"}}))
    write_grid(tmp_path / "runs", {50: 0.5, 100: 1.0}, truths=truths, dataset=data)
    page = evaluated(tmp_path / "runs")
    assert "data:image/png;base64," in page
    assert "Bags that the 3 models of 100 training bags, by majority vote, call wrongly at 0.5" in page
    assert "<th>40</th><td>found</td>" in page
    names = {path.name for path in (tmp_path / "runs" / "evaluation").iterdir()}
    assert {"gallery.csv", "false_negatives.png", "false_negatives.pdf"} <= names


def test_another_cohort_has_a_page_of_its_own(tmp_path, monkeypatch, no_files, make_bag, write_dataset):
    data = write_dataset([make_bag(id, n=SLICES) for id in slice_truths(20)], name="other")
    monkeypatch.setattr("mil_tf.evaluation.run._predict",
                        lambda run, on, name: write_answers(run, name, slice_truths(20), 1.0, 0))
    write_grid(tmp_path, {50: 1.0, 100: 2.0}, folds=2)
    assert evaluated(tmp_path, "--on", str(data), "--name", "site-B") == ""
    assert "Evaluated on site-B: 20 bags" in (tmp_path / "report-site-B.html").read_text(encoding="utf-8")
    assert (tmp_path / "evaluation" / "site-B" / "sizes.csv").exists()


def test_the_margin_is_told(tmp_path, no_files):
    write_grid(tmp_path, {50: 1.0, 100: 1.0}, folds=2)
    assert "The margin that would not matter is 0.2 (--margin)." in evaluated(tmp_path, "--margin", "0.2")


def test_a_margin_that_is_none_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        evaluate.main([str(tmp_path), "--margin", "2"])
    assert "expected --margin of at least 0 and below 1" in capsys.readouterr().err
