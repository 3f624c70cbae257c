"""Grids of runs on fields: each size in both readings, and a page of how many images are enough."""

import csv
import pickle

import numpy as np
import pytest

import evaluate
from mil_tf.evaluation.fields.score import score_fields
from mil_tf.evaluation.fields.study import field_study, image_values
from mil_tf.evaluation.fields.tables import read_fields
from mil_tf.evaluation.grid import find_grids
from tests.mil_tf.evaluation.field_runs import make_config, screen, write_run, write_tables
from tests.mil_tf.evaluation.grids import slice_truths
from tests.mil_tf.evaluation.grids import write_run as write_scans


def grid_of(folder, sizes=(12, 24, 48, 96), folds=2, multi=0.0, replicates=None):
    """A Grid of runs whose skill grows with their bags; with `replicates` each fold has a test set of its own."""
    results = []
    for bags in sizes:
        for fold in range(folds):
            run = folder / f"bags-{bags}" / f"fold-{fold}" / "seed-0"
            run.mkdir(parents=True)
            rows = screen((3,) if replicates is None else (replicates[fold],), multi=multi)
            write_tables(run, "test", rows, np.log2(bags) / 3, [bags, fold], softmax=not multi, cells=0)
            score = score_fields("test", read_fields(run / "predictions-test.csv"), resamples=20)
            results.append((run, make_config(bags, fold, single_label=not multi), score))
    (grid,), strangers = find_grids(results)
    assert not strangers
    return grid


def test_every_size_has_both_readings(tmp_path):
    found = field_study(grid_of(tmp_path), "test", resamples=40)
    assert [size.bags for size in found.sizes] == [12, 24, 48, 96]
    assert list(found.drawn) == [(name, "") for name in ("accuracy", "class_mean_accuracy", "map", "treatment_accuracy")]
    for size in found.sizes:
        for key in found.drawn:
            of_treatments = key[0].startswith("treatment")
            own = [member.score.levels["treatment" if of_treatments else "image"].estimates[key[0].removeprefix("treatment_")]
                   for member in size.members]
            assert size.per_fold[key].mean == pytest.approx(np.mean([one.value for one in own]))
            assert not np.isnan(size.together[key].value)
    largest = found.largest.together["map", ""].value
    for size in found.sizes:
        assert found.ensemble_shortfalls[size.bags, "map"].value == pytest.approx(largest - size.together["map", ""].value)
    assert found.curves["map", ""].patients is not None and found.curves["treatment_accuracy", ""].patients is None
    assert found.enough["accuracy", ""].largest == 96


def test_images_with_several_labels_are_answered_by_the_mean_ap(tmp_path):
    assert field_study(grid_of(tmp_path, (12, 24), multi=0.5), "test", resamples=20).first == ("map", "")


def test_folds_with_test_sets_of_their_own_have_no_ensemble(tmp_path):
    found = field_study(grid_of(tmp_path, (12, 24), replicates=(1, 2)), "test", resamples=20)
    assert not found.grid.common_test and not found.ensemble_shortfalls
    assert "test sets of their own" in str(found.largest.together["map", ""])


def test_the_statistic_is_that_of_the_tables(tmp_path):
    (tmp_path / "run").mkdir()
    write_tables(tmp_path / "run", "test", screen((3,), multi=0.4), 1.0, 0, softmax=False)
    table = read_fields(tmp_path / "run" / "predictions-test.csv")
    level = score_fields("test", table, resamples=20).levels["image"]
    values = image_values(table)(np.ones((1, len(table.id))))[:, 0]
    assert values == pytest.approx([level.estimates[key].value for key in ("accuracy", "class_mean_accuracy", "map")])


def test_a_score_travels_between_processes(tmp_path):
    score = grid_of(tmp_path, (12,), 1).members[0].score
    other = pickle.loads(pickle.dumps(score))
    assert other.numbers() == score.numbers() and other.sample == score.sample


@pytest.mark.long
def test_the_command_writes_the_summary_and_the_page(tmp_path, capsys):
    for bags, skill in ((12, 1.0), (24, 2.0)):
        for fold in range(2):
            write_run(tmp_path, bags, fold, skill=skill, treatments=1, cells=0)
    assert evaluate.main([str(tmp_path), "--resamples", "20", "--workers", "1"]) == 0
    shown, page = capsys.readouterr().out, (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "kraus2016: how many bags are enough?" in shown and "Mean average precision of images against" in page
    with open(tmp_path / "summary.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 and {"image_accuracy_low", "treatment_accuracy", "image_map_high", "replicates"} <= set(rows[0])
    for row in rows:
        assert f"{float(row['image_accuracy']):.3f} [{float(row['image_accuracy_low']):.3f}" in shown
    names = {path.name for path in (tmp_path / "evaluation").iterdir()}
    assert {"sizes.csv", "models.csv", "answer.txt", "accuracy_by_size.png", "map_by_size.pdf"} <= names
    assert 'href="kraus2016/bags-12/fold-0/seed-0/report.html"' in page and "slices" not in page


@pytest.mark.long
def test_runs_on_fields_and_on_scans_stand_in_one_folder(tmp_path, capsys):
    write_run(tmp_path, treatments=1, cells=0)
    scans = write_scans(tmp_path, 20, 0, 0, 2.0, slice_truths(12))
    assert evaluate.main([str(tmp_path), "--resamples", "20"]) == 0
    shown = capsys.readouterr().out
    assert "treatment accuracy" in shown and "TPR at 0.5" in shown and (scans / "report.html").exists()
    with open(tmp_path / "summary.csv", newline="", encoding="utf-8") as file:
        fields, others = csv.DictReader(file)
    assert fields["image_map"] and not fields["ap"] and others["ap"] and not others["image_map"]
