"""Every number equals scikit-learn's on random and degenerate tables, and none depends on the order of rows or classes."""

import numpy as np
import pytest
from sklearn import metrics as sk

from mil_tf.evaluation.fields.level import measure
from mil_tf.evaluation.intervals import PatientBootstrap

pytestmark = pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true", "ignore:A single label was found")


def cohort(seed):
    """(truth, scores, patient) with ties, several or no labels, classes on no row or on all, as the seed has it."""
    rng = np.random.default_rng(seed)
    n, k = int(rng.choice([1, 3, 12, 80])), int(rng.choice([2, 3, 5]))
    truth = np.eye(k, dtype=np.int64)[rng.integers(0, k, n)]
    if seed % 3 == 0:
        truth |= rng.random((n, k)) < 0.3
    if seed % 5 == 0:
        truth[:, 0] = seed % 2
    levels = int(rng.choice([2, 1000]))
    return truth, rng.integers(0, levels + 1, (n, k)) / levels, np.array([f"w{row // 2}" for row in range(n)])


def level_of(truth, scores, patient, classes=None, resamples=30):
    classes = classes or [f"c{at}" for at in range(truth.shape[1])]
    return measure("image", classes, truth, scores, patient, PatientBootstrap(patient, resamples))


def check(estimate, expected):
    if expected is None:
        assert np.isnan(estimate.value) and estimate.note.startswith("undefined")
        return
    assert estimate.value == pytest.approx(expected, abs=1e-12)
    assert np.isnan(estimate.low) or estimate.low - 1e-12 <= expected <= estimate.high + 1e-12


@pytest.mark.parametrize("seed", range(40))
def test_all_numbers_equal_scikit_learn(seed):
    truth, scores, patient = cohort(seed)
    found = level_of(truth, scores, patient)
    single = truth.sum(axis=1) == 1
    label, called = truth[single].argmax(axis=1), scores[single].argmax(axis=1)
    some = bool(single.any())
    check(found.accuracy, sk.accuracy_score(label, called) if some else None)
    check(found.class_mean, sk.balanced_accuracy_score(label, called) if some else None)
    if some:
        assert found.confusion.tolist() == sk.confusion_matrix(label, called, labels=range(truth.shape[1])).tolist()
        assert found.commonest == np.bincount(label).max() / len(label)
    known = [at for at in range(truth.shape[1]) if 0 < truth[:, at].sum() < len(truth)]
    for at, name in enumerate(found.classes):
        recall = sk.recall_score(label, called, labels=[at], average="macro") if (label == at).any() else None
        check(found.recalls[name], recall)
        check(found.ranked.ap[name], sk.average_precision_score(truth[:, at], scores[:, at]) if at in known else None)
        check(found.ranked.auc[name], sk.roc_auc_score(truth[:, at], scores[:, at]) if at in known else None)
    whole = sk.average_precision_score(truth[:, known], scores[:, known], average="macro") if known else None
    check(found.ranked.mean_ap, whole)
    assert found.ranked.used == len(known) and len(found.ranked.left_out) == truth.shape[1] - len(known)


def test_by_hand():
    truth = np.eye(3, dtype=np.int64)[[0, 0, 1, 1, 1, 1]]
    scores = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.1, 0.5, 0.4], [0.2, 0.3, 0.5], [0.4, 0.4, 0.2]])
    found = level_of(truth, scores, np.array(list("uvwxyz")))
    # The last row's tie goes to the class that comes first, so 3 of 6 are right: 1 of 2 and 2 of 4.
    assert (found.accuracy.k, found.accuracy.n, found.class_mean.value) == (3, 6, 0.5)
    assert found.confusion.tolist() == [[1, 1, 0], [1, 2, 1], [0, 0, 0]]
    assert found.ranked.left_out == {"c2": "on no row"} and found.ranked.used == 2
    # Class 0 is ranked 0.6+ 0.4- (0.2+ 0.2-): 1/2 * 1 + 1/2 * 2/4; class 1 0.8+ 0.7- 0.5+ 0.4+ (0.3- 0.3+).
    assert found.ranked.ap["c0"].value == pytest.approx(0.75)
    assert found.ranked.ap["c1"].value == pytest.approx((1 + 2 / 3 + 3 / 4 + 4 / 6) / 4)
    assert (found.commonest, found.prevalence) == (4 / 6, 0.5)


def test_what_is_on_every_row_is_left_out():
    found = level_of(np.array([[1, 0], [1, 1]]), np.full((2, 2), 0.5), np.array(["u", "v"]))
    assert found.ranked.left_out == {"c0": "on every row"}
    assert (found.single, found.accuracy.n) == (1, 1)


def test_rows_and_classes_come_in_any_order():
    truth, scores, patient = cohort(3)
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(len(truth)), rng.permutation(truth.shape[1])
    names = [f"c{at}" for at in range(truth.shape[1])]
    # No ties in a row, which would go to the class that comes first.
    scores = scores + np.linspace(0, 1e-6, scores.size).reshape(scores.shape)
    one = level_of(truth, scores, patient, names)
    other = level_of(truth[rows][:, columns], scores[rows][:, columns], patient[rows], [names[at] for at in columns])
    for key, estimate in one.estimates.items():
        assert np.allclose(estimate[:3], other.estimates[key][:3], atol=1e-12), key
    assert all(np.allclose(one.ranked.ap[name][:3], other.ranked.ap[name][:3], equal_nan=True) for name in names)
    assert np.array_equal(one.confusion[np.ix_(columns, columns)], other.confusion)


def test_images_of_a_well_count_as_fewer():
    truth = np.eye(2, dtype=np.int64)[np.arange(60) % 2]
    right = np.repeat(np.random.default_rng(1).random(15) < 0.7, 4)
    scores = np.where(right[:, None], truth, 1 - truth).astype(float)
    alone = level_of(truth, scores, np.array([f"w{row}" for row in range(60)]), resamples=400)
    wells = level_of(truth, scores, np.array([f"w{row // 4}" for row in range(60)]), resamples=400)
    for key in ("accuracy", "class_mean_accuracy", "map"):
        widths = [one.estimates[key].high - one.estimates[key].low for one in (alone, wells)]
        assert widths[1] > 1.5 * widths[0], key


def test_an_interval_of_the_mean_ap_is_narrower_than_that_of_a_class():
    rng = np.random.default_rng(5)
    truth = np.eye(6, dtype=np.int64)[rng.integers(0, 6, 240)]
    scores = truth + rng.normal(0, 1, truth.shape)
    found = level_of(truth, scores, np.array([f"w{row}" for row in range(240)]), resamples=300).ranked
    widths = [one.high - one.low for one in found.ap.values()]
    assert found.mean_ap.high - found.mean_ap.low < min(widths)
