"""Writes both readings of predictions for other programs and for papers: CSV, JSON and figures."""

from mil_tf.evaluation.intervals import plain
from mil_tf.evaluation.readings import model_values
from mil_tf.evaluation.results import write_csv, write_json
from mil_tf.evaluation.scored_text import model_names, notes

NAME = "predictions-scored"
COLUMNS = ("group", "reading", "model", "metric", "value", "low", "high", "k", "n", "models", "bags", "patients",
           "positives", "note")
COMPARED = ("group", "compared", "metric", "difference", "low", "high", "statistic", "p", "method", "note")


def write(folder, groups, compared, resamples, seed):
    """Write predictions-scored.csv and .json, predictions-compared.csv where two sets are, and the figures.

    Returns:
        The folder.
    """
    # Here and not above: matplotlib is slow to load, and of no use to files that turn out to be broken.
    from mil_tf.evaluation import figures, scored_figures

    folder.mkdir(parents=True, exist_ok=True)
    rows = [row for group in groups for row in _rows(group)]
    write_csv(folder / f"{NAME}.csv", COLUMNS, rows)
    write_json(folder / f"{NAME}.json", {
        "bootstrap": {"resamples": resamples, "seed": seed, "by": "patient"},
        "groups": {group.name: _numbers(group) for group in groups},
        "compared": [_compared_numbers(one) for one in compared],
    })
    if compared:
        write_csv(folder / "predictions-compared.csv", COMPARED, [row for one in compared for row in _pairs(one)])
    for name, figure in scored_figures.draw_all(groups).items():
        figures.save(figure, folder, f"predictions-{name}")
    return folder


def _rows(group):
    """A row a number: of each model, of their mean, and of the ensemble."""
    after = (len(group.tables), *group.counts.values())
    for name, table in zip(model_names(group.tables), group.tables):
        for metric, value in model_values(table).items():
            yield (group.name, "model", name, metric, value, None, None, None, None, *after, "")
    for metric, across in group.per_fold.items():
        yield (group.name, "per fold", "", metric, *across[1:4], None, None, *after, across.note)
    parts = {"ensemble, mean probability": {**group.ensemble.ranking, "calibration_error": group.calibration.error},
             "ensemble, majority vote": group.ensemble.rates}
    for reading, estimates in parts.items():
        for metric, e in estimates.items():
            yield (group.name, reading, "", metric, *e[:5], *after, e.note)


def _numbers(group):
    together = group.ensemble
    return {
        "files": [str(table.path) for table in group.tables], **group.counts, "notes": notes(group),
        "per_fold": {name: {"values": [plain({"v": v})["v"] for v in across.values], **plain(
            {"mean": across.mean, "low": across.low, "high": across.high, "note": across.note})}
            for name, across in group.per_fold.items()},
        "ensemble": {
            "mean_probability": {**{name: e.numbers() for name, e in together.ranking.items()},
                                 "calibration": group.calibration.numbers()},
            "majority_vote": {**together.confusion._asdict(),
                              **{name: e.numbers() for name, e in together.rates.items()}}},
    }


def _compared_numbers(one):
    differences = {name: difference.numbers() for name, difference in one.differences.items()}
    return {"group": one.group, "compared": one.what, **differences}


def _pairs(one):
    for metric, d in one.differences.items():
        yield (one.group, one.what, metric, d.value, d.low, d.high, d.z, d.p, d.method, d.note)
