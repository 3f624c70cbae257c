"""Both readings at each size, the ensembles' shortfall, and what other patients would add."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, recall_score

from mil_tf.evaluation.cohort import PAPER_RULE, VALIDATION_RULE, score_cohort
from mil_tf.evaluation.grid import Grid, Member
from mil_tf.evaluation.grid_curves import at_recall, precision_on
from mil_tf.evaluation.metrics import precision_recall_curve
from mil_tf.evaluation.sizes import ensemble_shortfalls, measure_sizes
from mil_tf.evaluation.study import AP, DRAWN, fold_means, patient_shifts, study
from mil_tf.evaluation.tables import Predictions

BAGS = 60


def grid(skills=(0.5, 1.0, 2.0, 3.0), folds=3, common_test=True, threshold=0.4):
    random = np.random.default_rng(0)
    ids, truth = np.array([f"bag{i}" for i in range(BAGS)]), (np.arange(BAGS) % 3 == 0).astype(np.int64)
    hard, members = random.normal(0, 1, BAGS), []
    for place, skill in enumerate(skills):
        for fold in range(folds):
            score = skill * truth + hard + random.normal(0, 0.5, BAGS)
            names = ids if common_test else np.char.add(ids, f"-{fold}")
            table = Predictions("p.csv", names, names, truth, 1 / (1 + np.exp(-score)))
            members.append(Member(None, 100 * (place + 1), fold, 0, {}, score_cohort("test", table, None, threshold, 50, 0)))
    return Grid("", members, [], [], common_test)


def test_readings_are_those_of_scikit_learn():
    size = measure_sizes(grid(), 50, 0)[0]
    tables = [member.score.predictions for member in size.members]
    own = [average_precision_score(table.y_true, table.y_prob) for table in tables]
    assert size.per_fold[AP].values == pytest.approx(own, abs=1e-12)
    assert size.per_fold[AP].mean == pytest.approx(np.mean(own), abs=1e-12)
    mean = np.mean([table.y_prob for table in tables], axis=0)
    assert size.together[AP].value == pytest.approx(average_precision_score(tables[0].y_true, mean), abs=1e-12)
    votes = np.sum([table.y_prob >= 0.5 for table in tables], axis=0) > 1.5
    assert size.together["tpr", PAPER_RULE].value == pytest.approx(recall_score(tables[0].y_true, votes), abs=1e-12)


def test_each_model_decides_by_its_own_threshold():
    found = grid()
    low, high = 0.05, 0.95
    decide = [replace(found.members[0].score, decisions=[one._replace(threshold=at) if one.rule == VALIDATION_RULE else one
                                                        for one in found.members[0].score.decisions]) for at in (low, high)]
    found.members[:2] = [member._replace(score=score) for member, score in zip(found.members[:2], decide)]
    size = measure_sizes(found, 50, 0)[0]
    first, second, _ = size.per_fold["tpr", VALIDATION_RULE].values
    assert first > second
    assert size.per_fold["tpr", PAPER_RULE].values[0] == size.members[0].score.decisions[0].rates["tpr"].value


def test_counts_are_means_and_votes():
    size = measure_sizes(grid(), 50, 0)[-1]
    counts = [member.score.decisions[0].confusion for member in size.members]
    assert size.mean_counts[PAPER_RULE] == pytest.approx(np.mean(counts, axis=0))
    assert sum(size.ensembles[PAPER_RULE].confusion) == BAGS


def test_a_rule_that_one_model_lacks_is_left_out():
    sizes = measure_sizes(grid(threshold=None), 50, 0)
    assert all(rule in ("", PAPER_RULE) for size in sizes for _, rule in size.per_fold)


def test_test_sets_of_their_own_have_no_ensemble_but_folds():
    found = study(grid(common_test=False), "test", 50)
    assert np.isnan(found.largest.together[AP].value)
    assert "test sets of their own" in found.largest.together[AP].note
    assert found.largest.per_fold[AP].mean > 0.5
    assert (found.ensemble_shortfalls, found.curves[AP].patients) == ({}, None)


def test_the_largest_ensemble_falls_short_of_itself_by_nothing():
    sizes = measure_sizes(grid(), 50, 0)
    found = ensemble_shortfalls(sizes, 50, 0)
    assert found[400, "ap"][:3] == (0, 0, 0)
    assert found[100, "ap"].value == pytest.approx(sizes[-1].together[AP].value - sizes[0].together[AP].value)
    assert found[100, "ap"].low < found[100, "ap"].value < found[100, "ap"].high


def test_other_patients_shift_all_sizes_alike_and_by_as_much_as_the_interval():
    sizes = measure_sizes(grid(folds=1), 50, 0)
    found = patient_shifts(sizes, 800, 0)
    assert {key: rows.shape[0] for key, rows in found.items()} == dict.fromkeys(DRAWN, 4)
    one = sizes[-1].together["tnr", PAPER_RULE]
    assert found["tnr", PAPER_RULE][-1].std() == pytest.approx((one.high - one.low) / 4, rel=0.35)
    assert np.corrcoef(found[AP])[2, 3] > 0.3


def test_the_mean_curve_has_the_mean_average_precision_as_its_area():
    for size in measure_sizes(grid(), 50, 0):
        found = precision_on(size)
        area = np.sum(np.diff(found.recall, prepend=0) * found.mean)
        assert area == pytest.approx(size.per_fold[AP].mean, abs=1e-12)
        assert np.sum(np.diff(found.recall, prepend=0) * found.ensemble) == pytest.approx(size.together[AP].value, abs=1e-12)
        inside = (found.low <= found.mean) & (found.mean <= found.high)
        assert inside.all()


def test_precision_at_a_recall_is_that_of_the_first_threshold_that_reaches_it():
    recall, precision = precision_recall_curve([1, 0, 1, 1], [0.9, 0.8, 0.7, 0.6])
    assert at_recall(np.array([0.1, 1 / 3, 0.5, 1.0]), recall, precision) == pytest.approx([1, 1, 2 / 3, 3 / 4])


def test_values_at_a_fold_are_means_over_its_seeds():
    size = measure_sizes(grid(), 50, 0)[0]
    size.members[1] = size.members[1]._replace(fold=0)
    values = size.per_fold[AP].values
    assert fold_means(size, AP) == pytest.approx({0: (values[0] + values[1]) / 2, 2: values[2]})
