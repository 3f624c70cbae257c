"""Do the 95 % intervals hold the truth in 95 % of cohorts? Simulated cohorts whose true values are known.

    python benchmarks/coverage.py --csv docs/results/coverage.csv

A cohort has 150 bags, 30 % of them positive (a draw, as in life), scores of a binormal model (negatives N(0, 1),
positives N(d, 1)) with a true AUC of 0.75 to 0.95, decided where TPR = TNR. In the design `one` every patient has one
bag; in `several` 1 to 4 with a common label, whose scores correlate by 0.5. A second, weaker detector (correlated by
0.5) gives the differences. The intervals are those of evaluate.py, made by the same functions; what is not covered is
told by side. 92 to 98 % are wanted of AP, AUC and rates.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

BAGS, PREVALENCE, CORRELATION = 150, 0.3, 0.5
AUCS = (0.75, 0.8, 0.85, 0.9, 0.95)
LESS = 0.05  # AUC of the second detector below the first's
DESIGNS = ("one", "several")
SCANS = 4  # of a patient in the design `several`, at most


def main(args=None):
    """Runs the command; returns its exit code: 0, or 1 where an interval covers less or more than wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=2000, help="cohorts of each design and AUC (default 2000)")
    parser.add_argument("--resamples", type=int, default=2000, help="bootstrap resamples (default 2000)")
    parser.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--csv", help="file to write the table to")
    given = parser.parse_args(args)
    from benchmarks import ratios

    cases = [(design, auc) for design in DESIGNS for auc in AUCS]
    size = given.simulations, given.resamples
    with ProcessPoolExecutor(given.workers) as pool:
        rows = [row for found in pool.map(table, cases, [size] * len(cases)) for row in _told(found)]
    if given.csv:
        ratios.write(given.csv, rows, {"simulations": size[0], "resamples": size[1], "bags": BAGS, **ratios.machine()})
    return 0 if all(0.92 <= row["coverage"] <= 0.98 for row in rows if row["wanted"]) else 1


def _told(rows):
    for row in rows:
        missed = f"missed low {row['missed_low']:.4f}, high {row['missed_high']:.4f}"
        print(f"{row['design']:8s} AUC {row['auc']:.2f}  {row['metric']:14s} {row['truth']:7.4f}  "
              f"{row['coverage']:.4f}, {missed}, width {row['width']:.3f}", flush=True)
    return rows


def table(case, size):
    """Rows of one design and AUC: how often the truth of each metric is covered, and where it lies if not.

    Args:
        case: (design, true AUC).
        size: (simulations, resamples).
    """
    import numpy as np

    design, auc = case
    known = truths(auc)
    ends = {name: [] for name in known}
    for seed in range(size[0]):
        for name, estimate in measure(*cohort(design, auc, seed), distance(auc) / 2, size[1], seed).items():
            ends[name].append((estimate.low, estimate.high))
    rows = []
    for name, truth in known.items():
        low, high = np.array(ends[name]).T
        rows.append({"design": design, "auc": auc, "metric": name, "truth": round(truth, 6),
                     "coverage": float(np.mean((low <= truth) & (truth <= high))),
                     "missed_low": float(np.mean(high < truth)), "missed_high": float(np.mean(low > truth)),
                     "width": round(float(np.nanmean(high - low)), 4), "wanted": "difference" not in name})
    return rows


def cohort(design, auc, seed):
    """One cohort: (truth, scores of both detectors, patients), arrays of shape (BAGS,)."""
    import numpy as np

    rng = np.random.default_rng([seed, round(1000 * auc), DESIGNS.index(design)])
    counts = rng.integers(1, SCANS + 1, BAGS) if design == "several" else np.ones(BAGS, int)
    patient = np.repeat(np.arange(BAGS), counts)[:BAGS]
    truth = (rng.random(BAGS) < PREVALENCE)[patient]
    scores = []
    shared = _normal(rng, patient, design)
    for true_auc in (auc, auc - LESS):
        noise = np.sqrt(CORRELATION) * shared + np.sqrt(1 - CORRELATION) * _normal(rng, patient, design)
        scores.append(noise + distance(true_auc) * truth)
    return truth, *scores, np.array([f"p{p:03d}" for p in patient])


def _normal(rng, patient, design):
    """N(0, 1) of every bag; correlated within a patient in the design `several`."""
    import numpy as np

    share = CORRELATION if design == "several" else 0.0
    return np.sqrt(share) * rng.normal(size=BAGS)[patient] + np.sqrt(1 - share) * rng.normal(size=BAGS)


def measure(truth, first, second, patient, threshold, resamples, seed):
    """{metric: its Estimate or Difference} by the functions of evaluate.py; the threshold is known, not chosen."""
    from mil_tf.evaluation.intervals import PatientBootstrap, ranking_estimates, rate_estimate
    from mil_tf.evaluation.metrics import RATES
    from mil_tf.evaluation.paired import compare

    bootstrap = PatientBootstrap(patient, resamples, seed)
    called = first >= threshold
    found = ranking_estimates(truth, first, patient, bootstrap)
    found |= {name: rate_estimate(*masks(truth, called), patient) for name, masks in RATES.items()}
    differences = compare(truth, first, second, patient, bootstrap)
    return found | {f"{name} difference": difference for name, difference in differences.items()}


def distance(auc):
    """d of the binormal model."""
    from scipy.special import ndtri

    return 2 ** 0.5 * ndtri(auc)


def truths(auc):
    """{metric: its value in the population}."""
    from scipy.special import ndtr

    hit = float(ndtr(distance(auc) / 2))  # TPR = TNR, at d / 2
    positive, negative = PREVALENCE, 1 - PREVALENCE
    return {
        "ap": average_precision(auc), "auc": auc, "tpr": hit, "tnr": hit,
        "ppv": positive * hit / (positive * hit + negative * (1 - hit)),
        "npv": negative * hit / (negative * hit + positive * (1 - hit)), "accuracy": hit,
        "ap difference": average_precision(auc) - average_precision(auc - LESS), "auc difference": LESS,
    }


def average_precision(auc):
    """Integral of the precision over the recall of the binormal model."""
    from scipy.integrate import quad
    from scipy.special import ndtr
    from scipy.stats import norm

    d = distance(auc)

    def precision_times_density(t):
        tpr, fpr = ndtr(d - t), ndtr(-t)
        return PREVALENCE * tpr / (PREVALENCE * tpr + (1 - PREVALENCE) * fpr) * norm.pdf(t - d)

    return float(quad(precision_times_density, d - 9, d + 9, epsabs=1e-10, limit=200)[0])


if __name__ == "__main__":
    sys.exit(main())
