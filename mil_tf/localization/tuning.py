"""The detector's parameters, chosen by Bayesian optimisation of Dice (nemcek2021, section II-E).

On two fifths of the patients with boxes; the other three are for testing and never come here.
"""

import warnings
from typing import NamedTuple

import numpy as np

from mil_tf.localization.detector import PUBLISHED, Detector
from mil_tf.localization.scoring import count, rates

# Released code, for maps of logits (max pooling) and of weights (attention).
BOUNDS = {
    "max": Detector((0.0, 1.5), (0.0, 2.0), (1.0, 60.0)),
    "attention": Detector((0.0, 0.06), (0.0, 0.03), (1.0, 60.0)),
}
# The authors' maps have 32 x 32 positions (slices of 256 pixels, an eighth). Attention's weights sum to 1 over them, so
# that on a map of fewer positions the same attention has larger weights.
POSITIONS = 32 * 32
RANDOM, GUIDED = 10, 120  # trials; released code has 120 to 150 guided ones
TUNED = 2 / 5  # nemcek2021, section II-E


class TuningError(ValueError):
    """The detector cannot be tuned as asked; the message is one line."""


class Tuned(NamedTuple):
    """The best detector, its Dice on the slices it was tuned on, and all trials as [(Detector, Dice)]."""

    detector: Detector
    dice: float
    trials: list


def parted(patients, seed=0):
    """Shares patients out: two fifths to tune on, the others to test on.

    Args:
        patients: of a cohort, in any order, with repetitions.
        seed: of the draw.

    Returns:
        (tune, test), sorted lists of patients.

    Raises:
        TuningError: there are not two.
    """
    patients = np.unique(patients)
    if len(patients) < 2:
        raise TuningError(
            f"Expected at least two patients, to tune on some and test on the others. Received: {len(patients)}"
        )
    chosen = np.random.default_rng(seed).permutation(len(patients))[: max(1, round(TUNED * len(patients)))]
    tuned = np.isin(np.arange(len(patients)), chosen)
    return patients[tuned].tolist(), patients[~tuned].tolist()


def bounds_of(pooling, positions):
    """The BOUNDS for maps of a number of positions: h and T of weights go with what each would have if all were equal.

    Args:
        pooling: "max" or "attention".
        positions: of a map, height times width.
    """
    factor = _factor(pooling, positions)
    scaled = {name: tuple(end * factor for end in getattr(BOUNDS[pooling], name)) for name in ("h", "threshold")}
    return BOUNDS[pooling]._replace(**scaled)


def published_of(pooling, positions):
    """The authors' optimum for maps of a number of positions, scaled as the bounds are.

    Args:
        pooling: "max" or "attention".
        positions: of a map, height times width.
    """
    found, factor = PUBLISHED[pooling], _factor(pooling, positions)
    return found._replace(h=found.h * factor, threshold=found.threshold * factor)


def _factor(pooling, positions):
    return POSITIONS / positions if pooling == "attention" else 1.0


def tune(slices, bounds, seed=0, guided=GUIDED):
    """Searches for the parameters of the highest Dice, pooled over slices.

    Args:
        slices: [(Peaks, boxes (k, 4))], of the patients to tune on.
        bounds: Detector of (low, high) pairs, such as BOUNDS["max"].
        seed: of the search; the same gives the same trials.
        guided: trials after the 10 random ones.

    Raises:
        TuningError: there is no box to find, or the package is not installed.
    """
    if not any(len(boxes) for _, boxes in slices):
        raise TuningError("Expected slices with boxes to tune the detector on. Received: none with any")
    optimisation, trials = bayesian_optimization(), []

    def dice(**shares):
        ends = bounds._asdict().items()
        detector = Detector(**{name: float(low + shares[name] * (high - low)) for name, (low, high) in ends})
        found = float(rates(np.sum([count(detector(peaks), boxes) for peaks, boxes in slices], axis=0))[2])
        trials.append((detector, found))
        return found

    # Each over its own range: the package's surrogate has one length for all, and h is a thousandth of d.
    shares = dict.fromkeys(Detector._fields, (0.0, 1.0))
    search = optimisation(dice, shares, random_state=seed, verbose=0, allow_duplicate_points=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the surrogate's own fit has met a bound, at nearly every trial
        search.maximize(init_points=RANDOM, n_iter=guided)
    return Tuned(*max(trials, key=lambda trial: trial[1]), trials)


def bayesian_optimization():
    """The package's search. Raises TuningError where it is not installed."""
    try:
        from bayes_opt import BayesianOptimization
    except ImportError as error:
        raise TuningError(
            f"tuning the detector needs the package bayesian-optimization ({error}): pip install -e '.[tuning]'"
        ) from error
    return BayesianOptimization
