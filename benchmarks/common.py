"""What the learning benchmarks share: one short training without validation, and a line of mean and interval."""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

MEASURES = ("bag_ap", "bag_auc", "instance_auc")


def learn(options, seed, train, held_out):
    """Trains for exactly max_epochs and scores the held-out bags after the last: nothing is chosen on them.

    Args:
        options: resolved options of remedios2020.
        seed: of weights, order, warm-up and augmentation.
        train, held_out: sources of `mil_tf.data`; the held-out bags have slice truth.

    Returns:
        {"bag_ap", "bag_auc", "instance_auc", "train_loss", "seconds"}; failures are results too.
    """
    import keras

    from mil_tf.data import epoch_order, windows
    from mil_tf.models.build import build_scorer
    from mil_tf.training.method import (
        build_chooser,
        build_optimizer,
        build_search,
        build_signals,
        learning_rate,
        window_of,
    )
    from mil_tf.training.scoring import Scorer

    keras.backend.clear_session()
    started = time.monotonic()
    model = build_scorer(options, seed)
    scorer = Scorer(model)
    optimizer, signal_of = build_optimizer(options), build_signals(
        options, model, build_chooser(options, build_search(options, model, scorer), len(train)), seed
    )
    optimizer.build(model.trainable_variables)
    for epoch in range(options["max_epochs"]):
        optimizer.learning_rate.assign(learning_rate(options)(epoch))
        losses = []
        for window in windows(epoch_order(len(train), seed, epoch), window_of(options)(epoch)):
            result = signal_of(epoch)(train, window, epoch)
            optimizer.apply_gradients(zip(result.gradients, model.trainable_variables))
            losses.extend(result.losses)
    found = {**scores(held_out, scorer), "train_loss": float(np.mean(losses))}
    return {name: round(value, 4) for name, value in found.items()} | {"seconds": round(time.monotonic() - started, 1)}


def scores(source, scorer):
    """Bag AP and AUC by the top instance, and the AUC of all instances against their truth, pooled."""
    from mil_tf.evaluation.metrics import ranking_metrics, roc_auc

    found = [score[:, 1] for score in scorer(source, range(len(source)))]
    truth = np.concatenate([source.fields(i).instance_label[:, 0] for i in range(len(source))])
    flat = np.concatenate(found)
    if not np.isfinite(flat).all():
        return dict.fromkeys(MEASURES, float("nan"))
    ap, auc = ranking_metrics(source.labels[:, 0], np.array([score.max() for score in found]))
    return {"bag_ap": ap, "bag_auc": auc, "instance_auc": roc_auc(truth, flat)}


def summary(name, results):
    """One line: mean and 95 % interval (Student's t over seeds) of each measure."""
    told = [f"{key} {interval([r[key] for r in results])}" for key in MEASURES]
    return f"{name}: {', '.join(told)}, {len(results)} seeds, {sum(r['seconds'] for r in results):.0f} s"


def interval(values):
    """"mean [low, high]" of at least one value."""
    from scipy import stats

    values = np.asarray(values, np.float64)
    if len(values) < 2:
        return f"{values.mean():.3f}"
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return f"{values.mean():.3f} [{max(0, values.mean() - half):.3f}, {min(1, values.mean() + half):.3f}]"


def write_csv(path, results):
    """Writes the results, one row each."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, results[0])
        writer.writeheader()
        writer.writerows(results)


def read_csv(path):
    """The results that a CSV has, with numbers as such; none where `path` is None or not there."""
    if not path or not Path(path).exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return [{key: _number(value) for key, value in row.items()} for row in csv.DictReader(file)]


def _number(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def in_a_process(script, *arguments, **known):
    """The row that a script prints as JSON in its last line, run in a process of its own; shown as it comes.

    Args:
        script: its path.
        arguments: strings.
        known: columns that come first.
    """
    done = subprocess.run([sys.executable, script, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    row = {**known, **json.loads(done.stdout.splitlines()[-1])}
    print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    return row
