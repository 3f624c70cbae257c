"""The numbers of a grid at each of its sizes, in both readings, and how far each size falls short of the largest."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.cohort import PAPER_RULE, VALIDATION_RULE
from mil_tf.evaluation.intervals import Estimate, PatientBootstrap, difference_estimate
from mil_tf.evaluation.metrics import RATES, Confusion, MetricUndefined, Ranking, confusion_of, ranking_metrics
from mil_tf.evaluation.readings import Ensemble, across, decisions, ensemble, model_values, under

RANKING = ("ap", "auc")
OTHER_TESTS = "none: the folds have test sets of their own"


class Size(NamedTuple):
    """One size of a grid.

    `per_fold` maps (metric, rule) to Across, `together` to the ensemble's Estimate; the rule of a ranking metric is "".
    `ensembles` maps a rule to its Ensemble and `mean_counts` to the mean of the models' counts, as a Confusion of
    floats; `ensembles` is empty where the models have no test set in common.
    """

    bags: int
    members: list
    per_fold: dict
    together: dict
    ensembles: dict
    mean_counts: dict

    @property
    def folds(self):
        """Fold of each member."""
        return [member.fold for member in self.members]


def measure_sizes(grid, resamples, seed):
    """The Sizes of a Grid, ascending.

    Args:
        resamples, seed: of the ensembles' bootstrap by patient.
    """
    return [_measure(bags, grid.at(bags), grid.common_test, resamples, seed) for bags in grid.sizes]


def _measure(bags, members, common_test, resamples, seed):
    size = Size(bags, members, {}, {}, {}, {})
    for rule in _rules(members):
        tables = [decided(member, rule) for member in members]
        values = [model_values(table) for table in tables]
        size.per_fold.update({
            key: across([value[key[0]] for value in values], size.folds) for key in _keys(rule)
        })
        counts = [confusion_of(table.y_true.astype(bool), decisions(table)) for table in tables]
        size.mean_counts[rule] = Confusion(*np.mean(counts, axis=0).tolist())
        if common_test:
            known = next(iter(size.ensembles.values()), None)  # the ranking is resampled once, whatever is decided
            size.ensembles[rule] = under(known, tables) if known else ensemble(tables, resamples, seed)
        size.together.update({key: _answer(size.ensembles.get(rule), key[0]) for key in _keys(rule)})
    return size


def _rules(members):
    """Rules of decision that all members have: validation bags of one class choose no threshold."""
    common = set.intersection(*({decision.rule for decision in member.score.decisions} for member in members))
    return [rule for rule in (PAPER_RULE, VALIDATION_RULE) if rule in common]


def _keys(rule):
    ranking = [(name, "") for name in RANKING] if rule == PAPER_RULE else []
    return [*ranking, *((name, rule) for name in RATES)]


def decided(member, rule):
    """The member's predictions with the decisions of a rule."""
    table = member.score.predictions
    threshold = next(decision.threshold for decision in member.score.decisions if decision.rule == rule)
    return replace(table, y_pred=(table.y_prob >= threshold).astype(np.int64))


def _answer(found: Ensemble | None, metric):
    if found is None:
        return Estimate.undefined(OTHER_TESTS)
    return found.ranking[metric] if metric in RANKING else found.rates[metric]


def shortfall(size, largest, key):
    """Largest minus this size, paired by fold and seed: Across of the differences, NaN where none is shared.

    Args:
        size, largest: Sizes.
        key: (metric, rule).
    """
    mine, theirs = _by_place(size, key), _by_place(largest, key)
    shared = sorted(set(mine) & set(theirs))
    if not shared:
        return across([float("nan")], [0])._replace(values=(), note="no fold in common")
    return across([theirs[place] - mine[place] for place in shared], [fold for fold, _ in shared], lowest=-1.0)


def _by_place(size, key):
    values = size.per_fold[key].values if key in size.per_fold else ()
    return {(member.fold, member.seed): value for member, value in zip(size.members, values)}


def ensemble_shortfalls(sizes, resamples, seed):
    """Largest minus each size of the ensembles' AP and AUC, on the same resamples of patients.

    Returns:
        {(bags, metric): Estimate}; empty where there are no ensembles or the metrics are undefined.
    """
    tables = {size.bags: _first(size.ensembles) for size in sizes if size.ensembles}
    if len(tables) < len(sizes):
        return {}
    last = tables[sizes[-1].bags]
    bootstrap = PatientBootstrap(last.patient, resamples, seed)
    try:
        drawn = {bags: bootstrap(Ranking(table.y_true, table.y_prob), table.patient) for bags, table in tables.items()}
        values = {bags: ranking_metrics(table.y_true, table.y_prob) for bags, table in tables.items()}
    except MetricUndefined:
        return {}
    patients, largest = len(np.unique(last.patient)), sizes[-1].bags
    return {
        (bags, name): difference_estimate(
            values[largest][place] - values[bags][place], drawn[largest][place] - drawn[bags][place], patients
        )
        for bags in tables for place, name in enumerate(RANKING)
    }


def _first(ensembles):
    return next(iter(ensembles.values())).predictions
