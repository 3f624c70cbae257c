"""How far two people agree who judged the same slices: Cohen's kappa with its interval."""

import itertools
from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.intervals import Estimate, PatientBootstrap, difference_estimate, wilson
from mil_tf.review.decisions import ACCEPT

RESAMPLES = 1000  # our decision
ONE_ANSWER = "no kappa: both gave one and the same answer throughout"


class Pair(NamedTuple):
    """Two reviewers, how many slices both judged, on how many they agree, and kappa as an Estimate."""

    first: str
    second: str
    n: int
    agree: int
    kappa: Estimate


def kappa(counts):
    """Cohen's kappa (Educational and Psychological Measurement 20, 1960).

    Args:
        counts: (..., 4) how often both accept, the first alone, the second alone, neither.

    Returns:
        (...) float64, NaN where chance alone would agree always.
    """
    both, first, second, neither = np.moveaxis(np.asarray(counts, float), -1, 0)
    n = both + first + second + neither
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = ((both + first) * (both + second) + (neither + first) * (neither + second)) / n ** 2
        return np.where(chance < 1, ((both + neither) / n - chance) / (1 - chance), np.nan)


def kappa_estimate(first, second, patient, seed=0):
    """Kappa with its 95 % interval, by a bootstrap of patients, as slices of a patient are alike.

    Where they always agree, no resample differs; the interval then ends at the kappa of the least agreement that
    Wilson's interval for as many patients allows, chance held (our decision).

    Args:
        first, second: boolean (n,), whether each accepts.
        patient: (n,) text.
    """
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    cells = np.stack([first & second, first & ~second, ~first & second, ~first & ~second], -1).astype(float)
    value, patients = float(kappa(cells.sum(0))), len(np.unique(patient))
    if np.isnan(value):
        return Estimate.undefined(ONE_ANSWER)
    if value == 1:
        return Estimate(1.0, _least(first, patients), 1.0)
    resampled = PatientBootstrap(patient, RESAMPLES, seed)(lambda weights: kappa(weights @ cells), patient)
    return difference_estimate(value, resampled, patients)


def _least(accepts, patients):
    chance = np.mean(accepts) ** 2 + np.mean(~accepts) ** 2
    return float((wilson(patients, patients)[0] - chance) / (1 - chance))


def pairs(verdicts, table):
    """[Pair] of all reviewers who judged slices of a `candidates.Table` in common; most in common first.

    Args:
        verdicts: {id: {reviewer: "accept" or "reject"}}, from `decisions.judged`.
    """
    common = {}
    for id, by in verdicts.items():
        for names in itertools.combinations(sorted(by), 2):
            common.setdefault(names, []).append(id)
    found = [_pair(names, ids, verdicts, table) for names, ids in common.items()]
    return sorted(found, key=lambda pair: (-pair.n, pair.first, pair.second))


def _pair(names, ids, verdicts, table):
    first, second = (np.array([verdicts[id][name] == ACCEPT for id in ids]) for name in names)
    estimate = kappa_estimate(first, second, np.array([table.rows[id].patient for id in ids]))
    return Pair(*names, len(ids), int((first == second).sum()), estimate)


def disagreements(verdicts):
    """Ids on which those who judged them differ."""
    return [id for id, by in verdicts.items() if len(set(by.values())) > 1]
