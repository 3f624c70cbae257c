"""lerousseau2020's Table 1 with ours beside it, from the rows of `benchmarks/alpha_beta.py`."""

import statistics

from benchmarks.alpha_beta import CONFIGURATIONS, IN, OUT, name_of

# Table 1 of the paper, in the order of CONFIGURATIONS: pixelwise AUC of (cohort, background).
PAPER = {
    (IN, "no"): (.786, .804, .749, .681, .566, .720, .726, .767, .685, .766, .758, .650, .589, .619, .256),
    (IN, "yes"): (.964, .952, .960, .930, .874, .967, .953, .959, .935, .957, .960, .940, .946, .946, .926),
    (OUT, "no"): (.866, .732, .709, .583, .257, .783, .710, .762, .658, .790, .787, .673, .785, .695, .404),
    (OUT, "yes"): (.984, .974, .972, .958, .917, .980, .972, .978, .966, .981, .980, .968, .980, .970, .933),
}
BACKGROUND = {"no": "without background", "yes": "with background"}


def values_of(results, measure="auc", cohort=IN, background="no", location="all"):
    """{(alpha, beta): {seed: value}} of one measure; what is undefined is left out."""
    found = {}
    for row in results:
        if (row["cohort"], row["background"], row["location"]) == (cohort, background, location):
            value = float(row[measure] if row[measure] != "" else "nan")
            if value == value:
                found.setdefault(name_of(row), {})[int(row["seed"])] = value
    return found


def table_one(results):
    """(headings, rows): a column a configuration; of each cohort and background our mean, its spread, the paper's."""
    rows = []
    for (cohort, background), paper in PAPER.items():
        found = values_of(results, "auc", cohort, background)
        ours = [list(found.get(name, {}).values()) for name in CONFIGURATIONS]
        told = f"{cohort}, {BACKGROUND[background]}"
        if found:
            means = [short(statistics.mean(values)) if values else "" for values in ours]
            rows.append([told, f"ours, mean of {_seeds(ours)}", *means])
        if any(len(values) > 1 for values in ours):
            spread = [short(statistics.stdev(values)) if len(values) > 1 else "" for values in ours]
            rows.append([told, "ours, standard deviation", *spread])
        rows.append([told, "the paper's, on TCGA", *map(short, paper)])
    return ["pixelwise AUC (alpha, beta):", "", *(", ".join(name) for name in CONFIGURATIONS)], rows


def _seeds(values):
    counts = sorted({len(each) for each in values if each})
    least, most = counts[0], counts[-1]
    return f"{least} seed{'s' * (least != 1)}" if least == most else f"{least} to {most} seeds"


def short(value):
    """Three digits without the leading 0, as the paper prints them."""
    return f"{value:.3f}".removeprefix("0")
