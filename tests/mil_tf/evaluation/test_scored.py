"""Everything that is said of any model's predictions equals scikit-learn's, or is refused and not guessed."""

import csv
import json
from collections import Counter

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from mil_tf.evaluation.scored import score_files
from mil_tf.evaluation.tables import TableError

RATES = {"tpr": lambda y, c: sk.recall_score(y, c), "tnr": lambda y, c: sk.recall_score(1 - y, 1 - c),
         "ppv": lambda y, c: sk.precision_score(y, c), "npv": lambda y, c: sk.precision_score(1 - y, 1 - c),
         "accuracy": sk.accuracy_score}
COUNTED = {"tpr": lambda y, c: y.sum(), "tnr": lambda y, c: (1 - y).sum(), "ppv": lambda y, c: c.sum(),
           "npv": lambda y, c: (1 - c).sum(), "accuracy": lambda y, c: len(y)}


def write(folder, name, truth, probability, called=None, **columns):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {"y_true": truth, "y_prob": [repr(float(p)) for p in probability], **columns}
    columns.update({} if called is None else {"y_pred": called})
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *zip(*columns.values())])
    return str(path)


def score(words, out, **options):
    """The JSON of what the command says."""
    shown = []
    options = {"resamples": 20, **options}
    score_files(words, out=out, show=shown.append, **options)
    return json.loads((out / "predictions-scored.json").read_text()), "\n".join(shown)


@pytest.fixture
def no_figures(monkeypatch):
    monkeypatch.setattr("mil_tf.evaluation.scored_figures.draw_all", lambda groups: {})


def tables():
    """Random and degenerate tables: ties, one class, all equal, n = 1, perfect, reversed, one positive."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n, models = int(rng.choice([1, 2, 3, 10, 60, 300])), int(rng.choice([1, 2, 3, 5]))
        truth = (rng.random(n) < rng.choice([0.0, 0.05, 0.3, 0.9, 1.0])).astype(int)
        levels = int(rng.choice([1, 2, 5, 1000]))
        probability = rng.integers(0, levels + 1, (models, n)) / levels
        called = rng.integers(0, 2, (models, n)) if seed % 3 == 0 else None
        yield pytest.param(truth, probability, called, id=f"{seed}-n{n}-m{models}-levels{levels}")
    truth = np.repeat([0, 1], 15)
    for name, probability in {"perfect": truth, "reversed": 1 - truth, "equal": np.full(30, 0.5)}.items():
        yield pytest.param(truth, np.tile(probability.astype(float), (2, 1)), None, id=name)


@pytest.mark.filterwarnings("ignore:A single label was found")
@pytest.mark.parametrize(("truth", "probability", "called"), list(tables()))
def test_all_numbers_equal_scikit_learn(tmp_path, no_figures, truth, probability, called):
    files = [write(tmp_path, f"fold{k}.csv", truth, p, None if called is None else called[k])
             for k, p in enumerate(probability)]
    numbers, _ = score(files, tmp_path / "out")
    group = numbers["groups"]["all files"]
    own = [p >= 0.5 for p in probability] if called is None else [c == 1 for c in called]
    check_ranking([group["per_fold"][m]["values"] for m in ("ap", "auc")], truth, probability)
    for name in RATES:
        values = [rate(name, truth, c) for c in own]
        assert group["per_fold"][name]["values"] == values_or_null(values)
        check(group["per_fold"][name]["mean"], np.mean(values) if None not in values else None)
    check_ensemble(group["ensemble"], truth, probability, own)


def check(value, expected):
    assert value == (None if expected is None else pytest.approx(expected, rel=0, abs=1e-12))


def values_or_null(values):
    return [None if value is None else pytest.approx(value, rel=0, abs=1e-12) for value in values]


def rate(name, truth, called):
    called = np.asarray(called).astype(int)
    return float(RATES[name](truth, called)) if COUNTED[name](truth, called) else None


def ranking(function, truth, probability):
    return float(function(truth, probability)) if 0 < truth.sum() < len(truth) else None


def check_ranking(found, truth, probability):
    for values, function in zip(found, (sk.average_precision_score, sk.roc_auc_score)):
        assert values == values_or_null([ranking(function, truth, p) for p in probability])


def check_ensemble(found, truth, probability, own):
    mean, votes = np.mean(probability, axis=0), np.sum(own, axis=0) * 2
    called = np.where(votes == len(own), mean >= 0.5, votes > len(own)).astype(int)
    together, vote = found["mean_probability"], found["majority_vote"]
    check(together["ap"]["value"], ranking(sk.average_precision_score, truth, mean))
    check(together["auc"]["value"], ranking(sk.roc_auc_score, truth, mean))
    matrix = sk.confusion_matrix(truth, called, labels=[0, 1]).ravel()
    assert [vote[name] for name in ("tn", "fp", "fn", "tp")] == matrix.tolist()
    for name in RATES:
        check(vote[name]["value"], rate(name, truth, called))
        if vote[name]["value"] is None:
            assert vote[name]["note"] == "undefined: no bag to count"
        else:
            assert 0 <= vote[name]["low"] <= vote[name]["value"] <= vote[name]["high"] <= 1
    share, centre = calibration_curve(truth, mean, n_bins=10)
    bins = together["calibration"]["bins"]
    assert [one["positive"]["value"] for one in bins] == values_or_null(share.tolist())
    assert [one["probability"] for one in bins] == values_or_null(centre.tolist())


def cohort(folder, sizes=(100, 672), folds=5, n=80, seed=0, pattern="predictions_{n}_fold{k}.csv", skill=1.0):
    rng = np.random.default_rng(seed)
    truth = (np.arange(n) % 5 == 0).astype(int)
    return [write(folder, pattern.format(n=size, k=k), truth,
                  1 / (1 + np.exp(2 - skill * size / 200 * truth - rng.normal(size=n))))
            for size in sizes for k in range(folds)]


def test_a_table_a_group_with_both_readings(tmp_path, no_figures):
    numbers, shown = score(cohort(tmp_path), tmp_path / "out", resamples=100)
    assert list(numbers["groups"]) == ["100", "672"]
    for part in ("100: 5 files, 80 bags of 80 patients, 16 positive", "no column patient: every bag is a patient",
                 "no column y_pred in 5 of 5 files", "per fold", "fold3.csv", "ensemble of 5", "mean probability",
                 "majority vote: TP", "expected calibration error", "AP per fold", "TNR vote", "FN/FP vote"):
        assert part in shown
    with open(tmp_path / "out" / "predictions-scored.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    readings = Counter((row["group"], row["reading"]) for row in rows)
    assert readings["100", "model"] == 5 * 7
    assert readings["672", "per fold"] == 7
    assert readings["672", "ensemble, majority vote"] == 5
    ap = next(row for row in rows if row["reading"] == "ensemble, mean probability" and row["group"] == "672")
    assert float(ap["value"]) == numbers["groups"]["672"]["ensemble"]["mean_probability"]["ap"]["value"]


def test_ids_free_the_order_and_patients_widen_the_intervals(tmp_path, no_figures):
    rng, n = np.random.default_rng(0), 60
    truth, ids = (np.arange(n) % 3 == 0).astype(int), np.array([f"b{i}" for i in range(n)])
    patient = np.array([f"p{i // 6}" for i in range(n)])
    probability = np.clip(0.3 * truth + 0.7 * rng.random((3, n)), 0, 1)
    plain = [write(tmp_path, f"plain/fold{k}.csv", truth, p) for k, p in enumerate(probability)]
    orders = [rng.permutation(n) for _ in range(3)]
    named = [write(tmp_path, f"named/fold{k}.csv", truth[o], p[o], id=ids[o], patient=patient[o])
             for k, (p, o) in enumerate(zip(probability, orders))]
    one, other = (score(files, tmp_path / "out", resamples=500)[0]["groups"]["all files"] for files in (plain, named))
    assert other["patients"] == 10
    assert one["per_fold"] == {**other["per_fold"]}
    assert other["ensemble"]["mean_probability"]["ap"]["value"] == pytest.approx(
        one["ensemble"]["mean_probability"]["ap"]["value"], abs=1e-12)
    widths = [group["ensemble"]["majority_vote"]["tnr"] for group in (one, other)]
    assert widths[0]["value"] == widths[1]["value"]


def test_two_sets_are_compared_by_group_and_by_file(tmp_path, no_figures):
    better, worse = cohort(tmp_path / "a", seed=1), cohort(tmp_path / "b", seed=2, skill=0.3)
    numbers, shown = score(better, tmp_path / "out", against=worse, resamples=200)
    assert [(one["group"], one["compared"] == "ensemble") for one in numbers["compared"]] == (
        [("100", True)] + [("100", False)] * 5 + [("672", True)] + [("672", False)] * 5)
    first = numbers["compared"][6]
    assert first["auc"]["value"] > 0
    assert first["auc"]["p"] < 0.05
    assert first["auc"]["method"] == "DeLong"
    assert "--predictions minus --against" in shown
    with open(tmp_path / "out" / "predictions-compared.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    assert float(rows[12]["p"]) == first["ap"]["p"]


def test_single_files_compare_whatever_their_names(tmp_path, no_figures):
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], 20)
    ours, theirs = (write(tmp_path, name, truth, rng.random(40)) for name in ("ours.csv", "n100_theirs.csv"))
    numbers, _ = score([ours], tmp_path / "out", against=[theirs])
    assert len(numbers["compared"]) == 1
    assert numbers["groups"]["all files"]["per_fold"]["ap"]["note"] == "no interval: one fold only"


def test_sets_of_other_groups_or_bags_are_refused(tmp_path):
    ours = cohort(tmp_path / "a")
    with pytest.raises(TableError, match="Expected --against with the groups 100, 672. Received: 100, 300."):
        score_files(ours, against=cohort(tmp_path / "b", sizes=(100, 300)), resamples=5)
    with pytest.raises(TableError, match="expected 80 rows as in"):
        score_files(ours, against=cohort(tmp_path / "c", n=60), resamples=5)


def test_figures_are_drawn(tmp_path):
    files = cohort(tmp_path, sizes=(100,), folds=3) + [write(tmp_path, "predictions_7_fold0.csv", [1], [0.2])]
    score(files, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    figures = {"precision-recall", "roc", "confusion", "calibration"}
    assert names == {"predictions-scored.csv", "predictions-scored.json",
                     *(f"predictions-{figure}.{kind}" for figure in figures for kind in ("png", "pdf"))}
    for path in (tmp_path / "out").glob("*.p*"):
        assert path.read_bytes().startswith(b"\x89PNG" if path.suffix == ".png" else b"%PDF")


def test_both_readings_are_told_in_as_many_digits(tmp_path):
    path = write(tmp_path, "one.csv", [0, 1, 0, 1], [0.1, 0.9, 0.6, 0.5])
    _, text = score([path], tmp_path / "out")
    assert "1 file, 4 bags of 4 patients" in text
    assert text.count("0.8333") == 2 and "AP        0.8333 [0." in text


def test_one_bag_is_one_bag(tmp_path):
    _, text = score([write(tmp_path, "one.csv", [1], [0.9])], tmp_path / "out")
    assert "1 file, 1 bag of 1 patient, 1 positive" in text
