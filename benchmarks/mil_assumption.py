"""Whether a model of bags respects what MIL assumes: the unit tests of Raff & Holt (NeurIPS 2023), for every pooling.

A test trains on bags in which a short cut lies and scores others in which it leads astray. A model that has learned
(training AUC above 0.5) and does worse than chance then (test AUC below 0.5) has taken the short cut, which a model
that holds to the assumption cannot. Three tests, after the paper's algorithms 1 to 3:

    standard         one positive instance makes a bag positive. The short cut is a poison that stands in negative bags
                     while training, and in positive ones in the test: who fails takes its absence for positive.
    threshold        a bag is positive where two concepts meet; negative bags have one of them. Poisoned as above.
    false frequency  the same without poison; negative bags of the test hold 35 to 45 instances of their one concept,
                     and while training a single one: who fails counts instances, whatever they are.

The last two assume more than the standard assumption can tell: a model that holds to it can only pass by not learning
them all.

    python benchmarks/mil_assumption.py --seeds 5 --out docs/results/mil_assumption.csv
"""

import argparse
import functools
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Name -> (pooling, what it pools).
MODELS = {
    **{name: (name, "probabilities") for name in ("max", "mean", "noisy_or", "isr")},
    "generalized_mean, r = 2.5": ("generalized_mean(r=2.5)", "probabilities"),
    "log_sum_exp, r = 2.5": ("log_sum_exp(r=2.5)", "probabilities"),
    "noisy_and, a = 10": ("noisy_and(slope=10)", "probabilities"),
    "attention": ("attention(units=16)", "features"), "gated_attention": ("gated_attention(units=16)", "features"),
    "max of features": ("max", "features"), "mean of features": ("mean", "features"),
}
# Normal distributions (mean, variance) of all of an instance's numbers, as in the algorithms.
BACKGROUND, POISON = (0, 1), (-10, 0.1)
POSITIVE, CONCEPTS = ((0, 3), (1, 1)), ((2, 0.1), (3, 0.1))
# Our decision: numbers an instance, instances of background; bags to train on, so many that they cannot be learned by
# heart, and bags a set that is scored; the network's widths, and training.
SIZE, AROUND = 16, (1, 10)
BAGS, SCORED = 20_000, 2_000
WIDTHS, STEPS, BATCH, RATE = (32, 16), 600, 256, 3e-3


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 to S-1 (default: 5)")
    parser.add_argument("--rows", nargs="+", default=list(MODELS), choices=MODELS, metavar="NAME", help="which rows")
    parser.add_argument("--out", help="CSV to write")
    given = parser.parse_args(args)
    from benchmarks.common import interval, write_csv

    results = []
    for name in given.rows:
        mine = [{"row": name, "seed": seed, **measure(name, seed)} for seed in range(given.seeds)]
        print(f"{name}: {', '.join(f'{key} {interval([r[key] for r in mine])}' for key in COLUMNS)}", flush=True)
        results += mine
    if given.out:
        write_csv(given.out, results)
    return 0


def measure(name, seed, tests=None):
    """Trains one model of MODELS for each of the tests; returns {column: AUC}."""
    found = {}
    for test in tests or TESTS:
        column = test.replace(" ", "_")
        found[f"{column}_train"], found[f"{column}_test"] = aucs(name, TESTS[test], seed)
    return found


def aucs(name, draw, seed):
    """(AUC of training bags, AUC of test bags) of one model of MODELS."""
    import keras

    from mil_tf.evaluation.metrics import roc_auc

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    train, test = material(draw, seed, BAGS, SCORED)
    model = fitted(build(*MODELS[name]), train, seed)
    found = []
    for instances, mask, labels in ([part[:SCORED] for part in train], test):
        answers = model([instances, mask], training=False)
        found.append(round(roc_auc(labels, answers["probability"].numpy()), 4))
    return tuple(found)


def fitted(model, train, seed):
    """The model after STEPS of Adam on batches that are drawn from the training bags."""
    import keras
    import tensorflow as tf

    optimizer, rng = keras.optimizers.Adam(RATE), np.random.default_rng(seed)
    parts = [tf.constant(part) for part in train]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
    def step(chosen):
        instances, mask, labels = (tf.gather(part, chosen) for part in parts)
        with tf.GradientTape() as tape:
            found = model([instances, mask], training=True)["probability"][:, None]
            loss = tf.reduce_mean(keras.losses.binary_crossentropy(tf.cast(labels, tf.float32)[:, None], found))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))

    optimizer.build(model.trainable_variables)
    for _ in range(STEPS):
        step(rng.integers(len(train[2]), size=BATCH))
    return model


@functools.lru_cache(16)
def material(draw, seed, train, test):
    """(training bags, test bags) of a seed, the same for every model."""
    rng = np.random.default_rng([seed, 1])
    return bags(draw, rng, train, False), bags(draw, rng, test, True)


def build(pooling, over):
    """A model of bags of vectors."""
    import keras

    from mil_tf.models.pooled import pooled

    layers = [keras.layers.Dense(width, "relu") for width in WIDTHS]
    return pooled(keras.Sequential([keras.Input((SIZE,)), *layers]), pooling, over)


def bags(draw, rng, number, test):
    """(instances float32 (b, n, SIZE), bool (b, n), labels (b,)), every second bag positive."""
    labels = np.arange(number) % 2
    drawn = [np.concatenate(draw(rng, label, test)) for label in labels]
    mask = np.arange(max(map(len, drawn))) < np.array([len(one) for one in drawn])[:, None]
    instances = np.zeros((*mask.shape, SIZE), np.float32)
    instances[mask] = np.concatenate(drawn)
    return instances, mask, labels


def standard(rng, label, test):
    """The parts of a bag of algorithm 1: one to three positive instances, of either kind, where it is positive."""
    positives = [normal(rng, POSITIVE[rng.integers(2)]) for _ in range(label * rng.integers(1, 4))]
    return [around(rng), *positives, *poison(rng, label, test)]


def threshold(rng, label, test):
    """The parts of a bag of algorithm 2: both concepts one to three times, or one of them once."""
    if label:
        number = rng.integers(1, 4)
        concepts = [normal(rng, concept, number) for concept in CONCEPTS]
    else:
        concepts = [normal(rng, CONCEPTS[rng.integers(2)])]
    return [around(rng), *concepts, *poison(rng, label, test)]


def false_frequency(rng, label, test):
    """The parts of a bag of algorithm 3: both concepts once, or one of them once, in the test 35 to 45 times."""
    if label:
        return [around(rng), *(normal(rng, concept) for concept in CONCEPTS)]
    return [around(rng), normal(rng, CONCEPTS[rng.integers(2)], rng.integers(35, 46) if test else 1)]


def around(rng):
    """One to ten instances of background."""
    return normal(rng, BACKGROUND, rng.integers(AROUND[0], AROUND[1] + 1))


def poison(rng, label, test):
    """The poison, of negative bags of the training set and positive ones of the test set."""
    return [normal(rng, POISON)] if label == test else []


def normal(rng, distribution, number=1):
    """Instances (number, SIZE) of a distribution (mean, variance)."""
    return rng.normal(distribution[0], distribution[1] ** 0.5, (number, SIZE))


TESTS = {"standard": standard, "threshold": threshold, "false frequency": false_frequency}
COLUMNS = [f"{name.replace(' ', '_')}_{part}" for name in TESTS for part in ("train", "test")]

if __name__ == "__main__":
    sys.exit(main())
