"""The simulated cohorts have the true values that the benchmark holds the intervals against."""

import numpy as np
import pytest

from benchmarks import coverage
from mil_tf.evaluation.metrics import RATES, average_precision, roc_auc


@pytest.mark.parametrize("design", coverage.DESIGNS)
def test_many_cohorts_together_have_the_truth(design):
    parts = [coverage.cohort(design, 0.9, seed) for seed in range(200)]
    truth, first, second = (np.concatenate([part[i] for part in parts]) for i in range(3))
    known, called = coverage.truths(0.9), first >= coverage.distance(0.9) / 2
    found = {"ap": average_precision(truth, first), "auc": roc_auc(truth, first)}
    found |= {name: np.mean(masks(truth, called)[1][masks(truth, called)[0]]) for name, masks in RATES.items()}
    found["auc difference"] = found["auc"] - roc_auc(truth, second)
    found["ap difference"] = found["ap"] - average_precision(truth, second)
    assert found == pytest.approx(known, abs=0.02)


def test_patients_of_several_scans_share_label_and_score():
    truth, first, _, patient = coverage.cohort("several", 0.9, 0)
    assert len(patient) == coverage.BAGS > len(set(patient))
    assert all(len(set(truth[patient == one])) == 1 for one in set(patient))
    assert len(set(coverage.cohort("one", 0.9, 0)[3])) == coverage.BAGS


def test_a_row_a_metric_and_sides_that_add_up():
    rows = coverage.table(("several", 0.8), (5, 30))
    assert [row["metric"] for row in rows] == list(coverage.truths(0.8))
    for row in rows:
        assert row["coverage"] + row["missed_low"] + row["missed_high"] == pytest.approx(1)
