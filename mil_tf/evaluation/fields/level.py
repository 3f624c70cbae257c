"""What one kind of row scores against the classes: images, treatments, or cropped cells."""

from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.fields.names import ACCURACY, CLASS_MEAN, MAP, MEAN_AUC
from mil_tf.evaluation.fields.ranked import Ranked, defined_mean, rank_classes
from mil_tf.evaluation.intervals import Estimate, bootstrap_estimate, plain, rate_estimate

NOT_ONE = "undefined: no row has exactly one class"
NOT_ALONE = "undefined: on no row alone"


class Level(NamedTuple):
    """Scores of `rows` rows of `patients` wells, of which `single` have exactly one class.

    `recalls` maps a class to the share of its single rows that are right, an Estimate; `confusion` is int64 (k, k),
    true class by called one, of the single rows; `commonest` is their share of the commonest class, `prevalence` the
    mean share of rows that a class has: what accuracy and mean average precision would be without looking.
    """

    name: str
    classes: tuple
    rows: int
    patients: int
    single: int
    accuracy: Estimate
    class_mean: Estimate
    recalls: dict
    confusion: np.ndarray
    ranked: Ranked
    commonest: float
    prevalence: float

    @property
    def estimates(self):
        """{measure of MEASURES: Estimate}."""
        return {ACCURACY: self.accuracy, CLASS_MEAN: self.class_mean, MAP: self.ranked.mean_ap,
                MEAN_AUC: self.ranked.mean_auc}

    @property
    def without_looking(self):
        """What no look at a row would score: accuracy of the commonest class and of a guess, and mean AP by chance."""
        return {"commonest_class": self.commonest, "guess": 1 / len(self.classes), "map": self.prevalence}

    def by_class(self):
        """{"recall", "ap", "auc": {class: Estimate}}."""
        return {"recall": self.recalls, "ap": self.ranked.ap, "auc": self.ranked.auc}

    def numbers(self):
        """As a dict of JSON values."""
        nothing = plain(self.without_looking)
        return {"rows": self.rows, "patients": self.patients, "single": self.single,
                **{name: one.numbers() for name, one in self.estimates.items()}, "without_looking": nothing,
                "classes": {name: {key: values[name].numbers() for key, values in self.by_class().items()}
                            for name in self.classes},
                "classes_ranked": self.ranked.used, "left_out": self.ranked.left_out,
                "confusion": self.confusion.tolist()}


def measure(name, classes, y_true, scores, patient, bootstrap):
    """The Level of a table.

    Args:
        name: key of `mil_tf.evaluation.fields.names.LEVELS`.
        classes: k names.
        y_true: 0 or 1, shape (n, k), n at least 1.
        scores: of each class, shape (n, k).
        patient: of each row, shape (n,).
        bootstrap: PatientBootstrap of these patients.
    """
    single = y_true.sum(axis=1) == 1
    label, called = y_true.argmax(axis=1), scores.argmax(axis=1)
    recalls = {each: _share(single & (label == at), label == called, patient, NOT_ALONE)
               for at, each in enumerate(classes)}
    counts = np.bincount(label[single], minlength=len(classes))
    return Level(name, tuple(classes), len(y_true), len(np.unique(patient)), int(single.sum()),
                 _share(single, label == called, patient, NOT_ONE),
                 _class_mean(label[single], called[single], len(classes), patient[single], bootstrap), recalls,
                 confusion_matrix(label[single], called[single], len(classes)),
                 rank_classes(classes, y_true, scores, patient, bootstrap),
                 float(counts.max() / counts.sum()) if counts.any() else float("nan"), _prevalence(y_true))


def confusion_matrix(label, called, count):
    """Rows of each true class by the class that they are called, int64 (count, count)."""
    return np.bincount(label * count + called, minlength=count * count).reshape(count, count)


def class_means(label, called, count):
    """The statistic of row weights (r, n) that gives the mean over classes of the share that is right, shape (r,)."""
    of_class = (label[:, None] == np.arange(count)).astype(np.float64)
    right = of_class * (label == called)[:, None]

    def values(weights):
        weights = weights.astype(np.float64)  # whole numbers have no fast product
        with np.errstate(invalid="ignore"):
            return defined_mean(weights @ right / (weights @ of_class), axis=1)

    return values


def _share(counted, right, patient, reason):
    found = rate_estimate(counted, right, patient)
    return found if counted.any() else found._replace(note=reason)


def _class_mean(label, called, count, patient, bootstrap):
    if not len(label):
        return Estimate.undefined(NOT_ONE)
    values = class_means(label, called, count)
    value = float(values(np.ones((1, len(label))))[0])
    return bootstrap_estimate(value, bootstrap(values, patient), len(np.unique(patient)), NOT_ONE)


def _prevalence(y_true):
    """Mean share of rows over the classes that some rows have and some have not."""
    share = y_true.mean(axis=0)
    known = (share > 0) & (share < 1)
    return float(share[known].mean()) if known.any() else float("nan")
