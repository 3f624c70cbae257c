"""Every pooling of kraus2016 against sixty digits: values and slopes, 1 to 10,000 instances, at 0, at 1 and between."""

from decimal import Decimal
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from mil_tf.pooling.names import pooling
from tests.mil_tf.pooling import exact

COUNTS = (1, 2, 10, 100, 1_000, 10_000)
SLOPES = (5, 7.5, 10)  # a, table 1 of kraus2016
STARTS = (0.02, 0.5, 0.97)  # b
SHARPNESS = (1, 2.5, 5)  # r, table 1
ROWS = [
    ("max", None), ("mean", None), ("noisy_or", None), ("isr", None),
    *(("generalized_mean", r) for r in SHARPNESS), *(("log_sum_exp", r) for r in SHARPNESS),
    *(("noisy_and", (a, b)) for a in SLOPES for b in STARTS),
]
TINY, SMALL, NEAR = 1e-30, 1e-7, 1 - 1e-7
# Relative errors, in units of the dtype's last place, of (values, slopes): an operation each where it is rounded.
UNITS = {
    "max": (0, 1), "mean": (1, 1), "generalized_mean": (2, 5), "log_sum_exp": (2, 5), "noisy_and": (1, 1),
    "noisy_or": (3, 4), "isr": (2, 5),
}
# What of a slope may be lost below the dtype's range, in units of its smallest number: a generalised mean multiplies
# powers, of which one may have vanished.
VANISHED = 1_000
# float64 sums are rounded once an instance, half a unit of the last place; float32 bags are added up in float64.
SUMS = {"float32": 0.0, "float64": 0.5}


@cache
def bags(n):
    """{what they are: probabilities, float32 (n,)}, in an order of no meaning."""
    rng = np.random.default_rng([n])
    some = rng.uniform(0, 1, 1_000)[rng.integers(1_000, size=n)]
    found = {
        "all 0": np.zeros(n), "all 1": np.ones(n), "one 1": np.eye(n)[0] if n < 2 else np.arange(n) == n // 2,
        "one 0": np.arange(n) != n // 2, "two 1": np.arange(n) >= n - 2, "tiny": np.full(n, TINY),
        "small": np.full(n, SMALL), "near 1": np.full(n, NEAR), "all 0.1": np.full(n, 0.1),
        "one small": SMALL * (np.arange(n) == n // 2), "uniform": rng.uniform(0, 1, n),
        "wide": 10 ** rng.uniform(-30, 0, 1_000)[rng.integers(1_000, size=n)],
        "mixed": np.choose(rng.integers(6, size=n), [np.zeros(n), np.ones(n), TINY, SMALL, NEAR, some]),
        "uncertain": np.choose(rng.integers(4, size=n), [TINY, SMALL, NEAR, some]),
        "positive": np.where(rng.uniform(0, 1, n) < 3 / n, NEAR, SMALL * some),
    }
    return {name: np.float32(p) for name, p in found.items()}


class Expected(NamedTuple):
    """value, slopes (n,) by the instances, and threshold: the slope by noisy_and's weight."""

    value: float
    slopes: np.ndarray
    threshold: float


def logit(b):
    """The weight of noisy_and, a float32."""
    return np.float32(np.log(b / (1 - b)))


@cache
def expected(name, parameter, n):
    return {what: _expected(name, parameter, *one) for what, one in counted(n).items()}


@cache
def counted(n):
    """{what: the bag in decimals, and for every instance which of its probabilities it has}."""
    places = {what: np.unique(p, return_inverse=True)[1] for what, p in bags(n).items()}
    return {what: (exact.counted(p), places[what]) for what, p in bags(n).items()}


def _expected(name, parameter, bag, place):
    slope = 0
    if name == "noisy_and":
        b = exact.precise(exact.s)(Decimal(float(logit(parameter[1]))))
        parameter = Decimal(parameter[0]), b
        slope = exact.noisy_and_threshold_slope(bag, parameter) * b * (1 - b)
    elif parameter is not None:
        parameter = Decimal(parameter)
    slopes = np.array([float(one) for one in exact.SLOPES[name](bag, parameter).values()])[place]
    return Expected(float(exact.VALUES[name](bag, parameter)), slopes, float(slope))


def layer_of(name, parameter, dtype):
    if name == "noisy_and":
        return pooling(name, slope=parameter[0], dtype=dtype)
    return pooling(name, dtype=dtype) if parameter is None else pooling(name, r=parameter, dtype=dtype)


def received(name, parameter, n, dtype):
    """{what: Expected}, as the layer has it, of all bags in one call: a channel each."""
    layer, x = layer_of(name, parameter, dtype), tf.constant(np.stack(list(bags(n).values()), -1), dtype)
    layer(x)
    if name == "noisy_and":
        layer.set_weights([np.full(x.shape[-1], logit(parameter[1]))])
    weights = [tf.convert_to_tensor(one) for one in layer.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(x)
        values = layer(x)
        total = tf.reduce_sum(values)
    slopes, *more = tape.gradient(total, [x, *layer.trainable_variables])
    by_weight = more[0].numpy() if weights else np.zeros(x.shape[-1])
    return {what: Expected(*one) for what, *one in zip(bags(n), values.numpy(), slopes.numpy().T, by_weight)}


def allowed(name, parameter, what, n, dtype):
    """Relative errors of (value, slopes), and the absolute one of noisy_and's threshold.

    Rounding of a sum comes out as it goes in, but for what depends on it exponentially: sigmoids with a slope of a, and
    the slopes of noisy-or, exp(the sum of log(1 - p)), which the sum's own last place changes as well.
    """
    eps, summing = float(np.finfo(dtype).eps), n * SUMS[dtype]
    value, slopes = UNITS[name]
    if name == "noisy_and":
        steps = parameter[0] * summing + (parameter[0] if dtype == "float64" else 0)
        # Of 1 - m, where it is small; s(x) s(-x) and b (1 - b) are at most 1/4 each.
        return (value + steps) * eps, (slopes + steps) * eps, parameter[0] / 16 * (4 + summing) * SUMS[dtype] * eps
    if name == "noisy_or":
        p = bags(n)[what].astype(np.float64)
        sum_of_logs = -np.log1p(-p[p < 1]).sum()
        return (value + summing) * eps, (slopes + sum_of_logs * (1 + summing)) * eps, 0.0
    return (value + summing) * eps, (slopes + 2 * summing) * eps, 0.0


@pytest.mark.parametrize("dtype", SUMS)
@pytest.mark.parametrize("name, parameter", ROWS, ids=str)
def test_values_and_slopes_are_the_equations(name, parameter, dtype):
    smallest = float(np.finfo(dtype).tiny)
    for n in COUNTS:
        found = received(name, parameter, n, dtype)
        for what, true in expected(name, parameter, n).items():
            value, slopes, threshold = allowed(name, parameter, what, n, dtype)
            told, one = f"{name} {parameter}, {n} instances, {what}: ", found[what]
            np.testing.assert_allclose(one.value, true.value, value, smallest, err_msg=told + "value")
            np.testing.assert_allclose(one.slopes, true.slopes, slopes, VANISHED * smallest, err_msg=told + "slopes")
            np.testing.assert_allclose(one.threshold, true.threshold, slopes, threshold + smallest, err_msg=told + "b")


@pytest.mark.parametrize("name, parameter", ROWS, ids=str)
def test_the_slopes_by_hand_are_differences_of_the_values(name, parameter):
    """So the reference does not rest on one derivation: an instance at a time is moved by 1e-25."""
    rng, step = np.random.default_rng([1]), Decimal("1e-25")
    given = tuple(map(Decimal, parameter)) if name == "noisy_and" else parameter and Decimal(parameter)
    bag = exact.counted(rng.uniform(0.01, 0.99, 5))
    for p, slope in exact.SLOPES[name](bag, given).items():
        rest = [one for one in bag if one != p]
        high, low = (exact.VALUES[name](exact.Counter([*rest, moved]), given) for moved in (p + step, p - step))
        assert abs((high - low) / (2 * step) - slope) < 1e-20
    if name == "noisy_and":
        a, b = given
        high, low = (exact.VALUES[name](bag, (a, moved)) for moved in (b + step, b - step))
        assert abs((high - low) / (2 * step) - exact.noisy_and_threshold_slope(bag, given)) < 1e-20


@pytest.mark.parametrize("r", SHARPNESS)
def test_a_bag_of_small_probabilities_has_no_negative_log_sum_exp(r):
    """Its logarithm is in the loss: shifted by the largest instance, this came out as -1e-9 or 0."""
    p = np.zeros((20, 10_000, 3), np.float32)
    p[:, 0] = 10.0 ** -np.linspace(1, 20, 20)[:, None]
    assert (pooling("log_sum_exp", r=r)(p).numpy() > 0).all()


@pytest.mark.parametrize("r", [0.3, 0.5])
def test_a_blunt_generalised_mean_has_a_finite_slope_beside_zeros(r):
    """Below r = 1, which the paper does not use, the true one is infinite."""
    layer, x = pooling("generalized_mean", r=r), tf.constant([[0.0], [1.0], [0.25]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = layer(x)
    slopes = tape.gradient(found, x).numpy()
    assert np.isfinite(slopes).all() and slopes[0, 0] > slopes[2, 0] > slopes[1, 0] > 0


@pytest.mark.parametrize("name, parameter", [row for row in ROWS if row[0] in ("max", "generalized_mean", "isr")], ids=str)
def test_undefined_slopes_do_not_depend_on_the_order_of_instances(name, parameter):
    for p in ([0.0] * 4, [0.0, 1.0, 1.0, 0.3], [0.5, 0.2, 0.5, 0.5]):
        found = []
        for order in ([0, 1, 2, 3], [2, 3, 0, 1]):
            x = tf.constant(np.float32(p)[order][:, None])
            with tf.GradientTape() as tape:
                tape.watch(x)
                pooled = layer_of(name, parameter, "float32")(x)
            found.append(tape.gradient(pooled, x).numpy()[np.argsort(order), 0])
        np.testing.assert_array_equal(*found)
        np.testing.assert_allclose(found[0], [float(exact.SLOPES[name](exact.counted(p), parameter and Decimal(parameter))[Decimal(one)]) for one in p], rtol=1e-6)
