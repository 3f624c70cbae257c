"""What a grid of runs on fields says: accuracy and mean average precision at each size, laws, how many are enough."""

import numpy as np

from mil_tf.evaluation.enough import MARGIN, enough
from mil_tf.evaluation.fields.level import class_means
from mil_tf.evaluation.fields.names import ACCURACY, CLASS_MEAN, IMAGE, MAP, MEASURES, TREATMENT
from mil_tf.evaluation.fields.ranked import defined_mean
from mil_tf.evaluation.fields.score import score_fields
from mil_tf.evaluation.fields.scored import mean_of
from mil_tf.evaluation.intervals import Estimate, PatientBootstrap, difference_estimate
from mil_tf.evaluation.learning_curve import DRAWS
from mil_tf.evaluation.metrics import Ranking
from mil_tf.evaluation.readings import across
from mil_tf.evaluation.sizes import OTHER_TESTS, Size
from mil_tf.evaluation.study import Study, curve_of, patient_shifts

IMAGES = {(key, ""): f"{MEASURES[key]} of images" for key in (ACCURACY, CLASS_MEAN, MAP)}
OF_TREATMENTS = ("treatment_accuracy", "")
NOT_THERE = "undefined: no treatment is known"


def field_study(grid, cohort, resamples=2000, seed=0, margin=MARGIN):
    """Measure a grid of runs on fields; the arguments are those of `mil_tf.evaluation.study.study`.

    Accuracy answers where every image has exactly one class, mean average precision else.
    """
    drawn = _drawn(grid)
    sizes = [_measure(bags, grid.at(bags), grid.common_test, drawn, resamples, seed) for bags in grid.sizes]
    shifts = patient_shifts(sizes, min(resamples, DRAWS), seed, _of_member, tuple(IMAGES)) if grid.common_test else {}
    return Study(grid, cohort, sizes, {key: curve_of(sizes, key, shifts.get(key), seed) for key in drawn},
                 {key: enough(sizes, key, margin) for key in drawn}, _shortfalls(sizes, grid, resamples, seed), drawn)


def image_values(table):
    """The statistic of row weights (r, n) that gives the keys of IMAGES, shape (3, r)."""
    single = table.y_true.sum(axis=1) == 1
    label, called = table.y_true[single].argmax(axis=1), table.y_prob[single].argmax(axis=1)
    means, right = class_means(label, called, len(table.classes)), (label == called).astype(np.float64)
    rankings = [Ranking(*pair) for pair in zip(table.y_true.T, table.y_prob.T) if 0 < pair[0].sum() < len(pair[0])]

    def values(weights):
        alone = weights[:, single].astype(np.float64)
        with np.errstate(invalid="ignore"):
            accuracy = alone @ right / alone.sum(axis=1)
        ranked = [ranking(weights)[0] for ranking in rankings] or [np.full(len(weights), np.nan)]
        return np.stack([accuracy, means(alone), defined_mean(np.stack(ranked), axis=0)])

    return values


def _of_member(member):
    return image_values(member.score.predictions)


def _drawn(grid):
    scores = [member.score for member in grid.members]
    keys = list(IMAGES.items())
    if not all(score.single_label for score in scores):
        keys = keys[::-1]
    if all(TREATMENT in score.levels for score in scores):
        keys.append((OF_TREATMENTS, "accuracy of treatments"))
    return dict(keys)


def _measure(bags, members, common_test, drawn, resamples, seed):
    folds = [member.fold for member in members]
    per_fold = {key: across([_estimate(member.score, key).value for member in members], folds) for key in drawn}
    if not common_test:
        return Size(bags, members, per_fold, dict.fromkeys(drawn, Estimate.undefined(OTHER_TESTS)), {}, {})
    tables = [member.score.predictions for member in members]
    together = score_fields("ensemble", mean_of(tables), resamples=resamples, seed=seed)
    return Size(bags, members, per_fold, {key: _estimate(together, key) for key in drawn}, {"": together}, {})


def _estimate(score, key):
    if key == OF_TREATMENTS:
        return score.levels[TREATMENT].accuracy if TREATMENT in score.levels else Estimate.undefined(NOT_THERE)
    return score.levels[IMAGE].estimates[key[0]]


def _shortfalls(sizes, grid, resamples, seed):
    """Largest minus each size of the ensembles' image measures: {(bags, metric): Estimate}, {} without ensembles."""
    if not grid.common_test:
        return {}
    tables = [size.ensembles[""].predictions for size in sizes]
    bootstrap, patients = PatientBootstrap(tables[-1].patient, resamples, seed), len(np.unique(tables[-1].patient))
    ones = np.ones((1, len(tables[-1].id)))
    own = [image_values(table)(ones)[:, 0] for table in tables]
    drawn = [bootstrap(image_values(table), table.patient) for table in tables]
    return {(size.bags, key): _difference(own[-1][at] - value[at], drawn[-1][at] - many[at], patients)
            for size, value, many in zip(sizes, own, drawn) for at, (key, _) in enumerate(IMAGES)}


def _difference(value, resampled, patients):
    if np.isnan(value):
        return Estimate.undefined("undefined for one of the two")
    return difference_estimate(float(value), resampled, patients)
