"""Both readings of a cross-validation: each model by itself, and all together."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from mil_tf.evaluation.metrics import RATES
from mil_tf.evaluation.readings import aligned, ensemble, per_fold
from mil_tf.evaluation.tables import Predictions, TableError

IDS = np.array(["a", "b", "c", "d"])


def table(y_prob, y_pred=None, name="t", y_true=(0, 1, 0, 1), patient=None):
    return Predictions(Path(f"{name}.csv"), IDS, IDS if patient is None else patient, np.array(y_true),
                       np.array(y_prob, float), None, None if y_pred is None else np.array(y_pred))


def models(count=5, n=120, seed=0):
    rng = np.random.default_rng(seed)
    truth, ids = (np.arange(n) % 4 == 0).astype(int), np.array([f"b{i}" for i in range(n)])
    shared = rng.normal(size=n)
    return [Predictions(Path(f"fold{k}.csv"), ids, ids, truth,
                        1 / (1 + np.exp(1 - 2 * truth - shared - rng.normal(size=n)))) for k in range(count)]


def test_per_fold_is_the_mean_of_each_model_by_scikit_learn():
    tables = models()
    found, truth = per_fold(tables), tables[0].y_true
    ap = [sk.average_precision_score(truth, t.y_prob) for t in tables]
    tpr = [sk.recall_score(truth, t.y_prob >= 0.5) for t in tables]
    assert set(found) == {"ap", "auc", *RATES}
    assert found["ap"].values == pytest.approx(ap, abs=1e-12)
    assert found["tpr"].mean == pytest.approx(np.mean(tpr), abs=1e-12)
    interval = stats.t.interval(0.95, 4, np.mean(ap), stats.sem(ap))
    assert (found["ap"].low, found["ap"].high) == pytest.approx(interval, abs=1e-12)


def test_ensemble_is_the_mean_probability_and_the_majority():
    tables = models()
    found, truth = ensemble(tables, 200), tables[0].y_true
    mean = np.mean([t.y_prob for t in tables], axis=0)
    assert found.ranking["ap"].value == pytest.approx(sk.average_precision_score(truth, mean), abs=1e-12)
    called = np.sum([t.y_prob >= 0.5 for t in tables], axis=0) >= 3
    assert found.called.tolist() == called.tolist()
    assert tuple(found.confusion) == tuple(sk.confusion_matrix(truth, called).ravel())
    assert found.rates["ppv"].value == pytest.approx(sk.precision_score(truth, called), abs=1e-12)
    assert found.models == 5


def test_the_vote_is_not_the_mean_at_one_half():
    found = ensemble([table([0.9, 0.9, 0.1, 0.1]), table([0.4, 0.9, 0.1, 0.1]), table([0.4, 0.9, 0.1, 0.1])], 20)
    assert found.predictions.y_prob[0] > 0.5
    assert not found.called[0]


def test_a_tied_vote_goes_by_the_mean_probability():
    found = ensemble([table([0.9, 0.55, 0.1, 0.1]), table([0.4, 0.2, 0.1, 0.1])], 20)
    assert found.called.tolist() == [True, False, False, False]


def test_the_models_own_decisions_go_before_one_half():
    own = table([0.1, 0.2, 0.3, 0.4], y_pred=[0, 1, 0, 1])
    assert per_fold([own])["accuracy"].mean == 1
    assert ensemble([own], 20).called.tolist() == [False, True, False, True]


def test_seeds_of_a_fold_count_as_one():
    tables = models(4)
    twice = per_fold([*tables, *tables], folds=[0, 1, 2, 3] * 2)["ap"]
    assert twice[1:] == pytest.approx(per_fold(tables)["ap"][1:4] + ("",), abs=1e-12)
    assert len(twice.values) == 8
    assert per_fold(tables, folds=[7] * 4)["ap"].note == "no interval: one fold only"


def test_one_model_has_a_mean_and_no_interval():
    found = per_fold(models(1))["auc"]
    assert str(found).endswith(" no interval: one fold only")
    assert np.isnan(found.low)


def test_what_is_undefined_for_one_model_has_no_mean():
    found = per_fold([table([0.1, 0.9, 0.1, 0.9]), table([0.1, 0.2, 0.1, 0.3])])["ppv"]
    assert str(found) == "undefined for 1 of 2 models"
    alone = ensemble([table([0.1, 0.2, 0.3, 0.4], y_true=[1, 1, 1, 1])], 20)
    assert str(alone.ranking["ap"]) == "undefined: one class only"


def test_rows_are_matched_by_id():
    tables = models(3)
    order = np.random.default_rng(1).permutation(len(tables[0].id))
    shuffled = replace(tables[1], **{c: getattr(tables[1], c)[order] for c in ("id", "patient", "y_true", "y_prob")})
    assert per_fold([tables[0], shuffled, tables[2]]) == per_fold(tables)
    assert ensemble([shuffled, tables[0], tables[2]], 50).confusion == ensemble(tables, 50).confusion


@pytest.mark.parametrize(("changed", "message"), [
    ({"id": np.array(["a", "b", "c", "e"])}, "u.csv: expected bag d of t.csv, which is missing here"),
    ({"y_true": np.array([0, 1, 1, 1])}, "u.csv: expected bag c of t.csv, with the same y_true"),
    ({"patient": np.array(["a", "b", "c", "c"])}, "u.csv: expected bag d of t.csv, with the same patient"),
])
def test_other_bags_are_refused(changed, message):
    other = replace(table([0.1] * 4, name="u"), **changed)
    with pytest.raises(TableError, match=message):
        aligned([table([0.1] * 4), other])


def test_a_bag_too_many_is_refused():
    fewer = replace(table([0.1] * 4), **{c: getattr(table([0.1] * 4), c)[:3] for c in ("id", "patient", "y_true", "y_prob")})
    with pytest.raises(TableError, match="t.csv: expected bag d of u.csv, which is missing here"):
        aligned([fewer, table([0.1] * 4, name="u")])
