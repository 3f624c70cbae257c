"""One short training of a model that pools the instances of a bag, for the learning benchmarks.

Defaults are the method of Ilse et al. 2018 on MNIST bags (their appendix) but for two: the number of epochs is fixed,
where they stop by validation bags, and digits are augmented, which does for few bags what stopping does, and more.
Observed at 100 training bags and two seeds, all bags of MNIST's training images: bag AUC of attention .974 and .896
without augmentation, .982 and .987 with it.
"""

import time

import numpy as np

from benchmarks.common import MEASURES
from mil_tf.options import FRACTION, Option, above, at_least

ILSE, OURS = "Ilse et al. 2018", "our decision"
OPTIONS = {
    "pooling": Option("attention", ILSE, "a name of mil_tf.pooling.names, with options"),
    "features": Option(500, ILSE, "features of an instance", at_least(1)),
    "window": Option(1, ILSE, "bags an optimizer step", at_least(1)),
    "learning_rate": Option(5e-4, ILSE, "of Adam", above(0)),
    "weight_decay": Option(1e-4, ILSE, "coupled L2 decay", FRACTION),
    "schedule": Option("constant", ILSE, "constant, or cosine over max_epochs"),
    "augmentation": Option("digits", OURS, "a name of mil_tf.augment; none is theirs"),
    "max_epochs": Option(50, OURS, "epochs; nothing is stopped early, so no bag is spent on validation", at_least(1)),
    "window_center": Option(127.5, OURS, "grey value in the middle of the input's range"),
    "window_width": Option(255.0, OURS, "grey values of the input's range", above(0)),
    "instance_score": Option("instances", OURS, "what ranks instances: instances (own probability) or weights"),
}


def learn_pooled(options, seed, train, held_out):
    """Trains for exactly max_epochs and scores the held-out bags after the last: nothing is chosen on them.

    Args:
        options: {name: value} over the defaults of OPTIONS.
        seed: of weights, order and augmentation.
        train, held_out: sources of `mil_tf.data` whose instances are at least 28x28; the held-out bags have truth.

    Returns:
        As `benchmarks.common.learn`.
    """
    import keras

    from mil_tf.options import resolve
    from mil_tf.training.pooled_bags import PooledScorer

    options = resolve(OPTIONS, options)
    keras.backend.clear_session()
    started = time.monotonic()
    model = build(options, seed, train.instance_shape[-1])
    losses = fit(model, options, seed, train)
    found = {**scores(held_out, PooledScorer(model), options["instance_score"]), "train_loss": float(np.mean(losses))}
    return {name: round(value, 4) for name, value in found.items()} | {"seconds": round(time.monotonic() - started, 1)}


def build(options, seed, channels=1):
    """The model that the options describe, with the initial weights of `seed`."""
    import keras

    from mil_tf.models.convnet import encoder
    from mil_tf.models.pooled import pooled

    keras.utils.set_random_seed(seed)
    scaling = ("window", options["window_center"], options["window_width"])
    return pooled(encoder(scaling, channels=channels, features=options["features"]), options["pooling"])


def fit(model, options, seed, train):
    """Trains; returns the losses of the last epoch, one a bag."""
    import tensorflow as tf

    from mil_tf import registry
    from mil_tf.augment import augmentation
    from mil_tf.data import epoch_order, windows
    from mil_tf.training.method import learning_rate
    from mil_tf.training.pooled_bags import PooledBags

    black = options["window_center"] - options["window_width"] / 2
    augment = augmentation(options["augmentation"], seed, black)
    signal = PooledBags(model, options["weight_decay"], augment=augment)
    optimizer = registry.optimizer("Adam", options["learning_rate"])
    registry.create_slots(optimizer, model.trainable_variables)
    apply = tf.function(lambda gradients: optimizer.apply_gradients(zip(gradients, model.trainable_variables)))
    rate = learning_rate({**options, "warm_up": 0})
    for epoch in range(options["max_epochs"]):
        optimizer.learning_rate.assign(rate(epoch))
        results = []
        for window in windows(epoch_order(len(train), seed, epoch), options["window"]):
            results.append(signal(train, window, epoch))
            apply(results[-1].gradients)
    return np.concatenate([result.losses for result in results])


def scores(source, scorer, kind="instances"):
    """Bag AP and AUC, and the AUC of all instances against their truth, pooled, by the `kind` of their scores."""
    from mil_tf.evaluation.metrics import ranking_metrics, roc_auc

    found = scorer(source, range(len(source)))
    bags, flat = np.array([one["probability"] for one in found]), np.concatenate([one[kind] for one in found])
    if not (np.isfinite(bags).all() and np.isfinite(flat).all()):
        return dict.fromkeys(MEASURES, float("nan"))
    truth = np.concatenate([source.fields(i).instance_label[:, 0] for i in range(len(source))])
    ap, auc = ranking_metrics(source.labels[:, 0], bags)
    return {"bag_ap": ap, "bag_auc": auc, "instance_auc": roc_auc(truth, flat)}
