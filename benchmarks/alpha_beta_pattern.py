"""Does lerousseau2020's in-distribution pattern hold? In words, from the rows of `benchmarks/alpha_beta.py`.

The paper (section 4): (0.2, 0.2) is best, and all but (1, 0) and (0.2, 0.8) are better than chance, which are worst.
"""

import statistics

from benchmarks.alpha_beta import CONFIGURATIONS, IN
from benchmarks.alpha_beta_table import PAPER, values_of

BEST, WORST = ("0.2", "0.2"), (("1", "0"), ("0.2", "0.8"))


def pattern(results):
    """Sentences: whether the best and the two worst are the paper's, with the spread over seeds.

    Args:
        results: rows of the benchmark, as dicts.
    """
    found = values_of(results)
    missing = [name for name in (BEST, *WORST) if name not in found]
    if missing:
        return f"Whether the paper's pattern holds cannot be told: {_listed(map(_name, missing))} not measured yet."
    order = sorted(found, key=lambda name: -statistics.mean(found[name].values()))
    lowest = order[-2:]
    holds = (order[0] == BEST, set(lowest) == set(WORST))
    told = {(True, True): "holds", (False, False): "does not hold"}.get(holds, "holds in part")
    sentences = [f"The paper's in-distribution pattern {told} (AUC without background, {_sample(found)}).",
                 _best(found, order), _worst(found, order, lowest), _ranks(found)]
    return " ".join(filter(None, sentences))


def _best(found, order):
    if order[0] == BEST:
        runner = f"; {_with(found, order[1])} comes next, {_lead(found, BEST, order[1])}" if len(order) > 1 else ""
        return f"As there, {_with(found, BEST)} is best{runner}."
    place = order.index(BEST) + 1
    return (f"Best is {_with(found, order[0])}; the paper's best, {_with(found, BEST)}, is number {place} of "
            f"{len(order)}, {_lead(found, order[0], BEST)}.")


def _worst(found, order, lowest):
    told = _listed(_with(found, name) for name in reversed(lowest))
    if set(lowest) == set(WORST):
        return f"As there, {told} are worst."
    places = _listed(f"{_with(found, name)}, is number {order.index(name) + 1}"
                     for name in WORST if name not in lowest)
    return f"Worst are {told}; of the paper's two worst, {places}."


def _ranks(found):
    """How the order of all configurations goes with the paper's."""
    if len(found) < 3:
        return ""
    from scipy.stats import spearmanr

    paper = dict(zip(CONFIGURATIONS, PAPER[IN, "no"]))
    means = [statistics.mean(found[name].values()) for name in found]
    rank = float(spearmanr(means, [paper[name] for name in found]).statistic)
    return "" if rank != rank else f"Spearman's rank correlation with the paper's column is {rank:.2f}."


def _sample(found):
    seeds = {len(values) for values in found.values()}
    spread = "± is the standard deviation over seeds" if max(seeds) > 1 else "one seed, so that its spread is not known"
    several = f"{min(seeds)} to {max(seeds)} seeds" if len(seeds) > 1 else f"{max(seeds)} seeds"
    part = "" if len(found) == len(CONFIGURATIONS) else f"{len(found)} of {len(CONFIGURATIONS)} configurations, "
    return f"{part}{several}, {spread}" if max(seeds) > 1 else f"{part}{spread}"


def _lead(found, first, second):
    """By how much a configuration is ahead of another, on the seeds that both have."""
    seeds = sorted(found[first].keys() & found[second].keys())
    leads = [found[first][seed] - found[second][seed] for seed in seeds]
    if len(leads) < 2:
        return f"{statistics.mean(found[first].values()) - statistics.mean(found[second].values()):.3f} behind"
    within = "" if abs(statistics.mean(leads)) > statistics.stdev(leads) else ", which the seeds' spread hides"
    return f"{statistics.mean(leads):.3f} ± {statistics.stdev(leads):.3f} behind{within}"


def _with(found, name):
    values = list(found[name].values())
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{_name(name)} with {statistics.mean(values):.3f}{spread}"


def _name(name):
    return f"({', '.join(name)})"


def _listed(texts):
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last
