"""Folders of runs on fields as training leaves them, made up without any: what a model answers follows from a skill."""

import csv
import json

import numpy as np

CLASSES = ("actin", "dna", "kinase", "tubulin")
SITES, WELLS = 2, 2  # images of a well, wells of a treatment on a plate


def screen(replicates=(1, 2, 3), treatments=2, classes=CLASSES, multi=0.0):
    """A dict an image: `treatments` of each class, WELLS of each on a plate a replicate, SITES images of each well.

    Args:
        multi: share of treatments that have a second class.
    """
    rows, rng = [], np.random.default_rng(len(classes))
    for number in range(treatments * len(classes)):
        truth = np.zeros(len(classes), dtype=int)
        truth[number % len(classes)] = 1
        truth[(number + 1) % len(classes)] |= rng.random() < multi
        rows += [{"plate": f"plate{replicate}", "well": f"w{number}x{well}", "replicate": replicate, "site": site,
                  "treatment": f"drug{number} 0.3", "truth": truth}
                 for replicate in replicates for well in range(WELLS) for site in range(SITES)]
    return [{**row, "id": f"{row['plate']}_{row['well']}_s{row['site']}", "patient": f"{row['plate']}_{row['well']}"}
            for row in rows]


def probabilities(truth, skill, rng, softmax=True):
    """Scores (n, k) of a model: the higher the skill, the more often the highest is of a true class."""
    logit = skill * truth + rng.normal(0, 1, truth.shape)
    if not softmax:
        return 1 / (1 + np.exp(1.5 - logit))
    power = np.exp(logit)
    return power / power.sum(axis=1, keepdims=True)


def write_tables(run, name, rows, skill, seed, classes=CLASSES, softmax=True, cells=3):
    """Writes predictions-<name>.csv, and cells-<name>.csv with `cells` of each image, of which the last is an outlier."""
    rng, truth = np.random.default_rng(seed), np.array([row["truth"] for row in rows])
    scores = probabilities(truth, skill, rng, softmax), probabilities(truth, skill, rng, softmax=False)
    facts = ("id", "patient", "plate", "well", "replicate", "treatment")
    head = [*facts, *named("y_true", classes), *named("y_prob", classes), *named("y_pool", classes)]
    write_rows(run / f"predictions-{name}.csv", head, [
        [*(row[fact] for fact in facts), *row["truth"], *prob, *pool] for row, prob, pool in zip(rows, *scores)])
    if cells:
        _write_cells(run / f"cells-{name}.csv", rows, skill, rng, classes, cells)


def _write_cells(path, rows, skill, rng, classes, cells):
    head = ["id", "patient", "y", "x", "y_cell", *named("y_true", classes), *named("y_pool", classes),
            *named("y_prob", classes)]
    found = []
    for row in rows:
        for cell in range(cells):
            own = int(rng.integers(len(classes))) if cell == cells - 1 else int(np.argmax(row["truth"]))
            scores = probabilities(np.eye(len(classes))[[own]], skill, rng, softmax=False)[0]
            told = "" if cell == 0 else classes[own]
            found.append([row["id"], row["patient"], 10 * cell, 20, told, *row["truth"], *scores, *scores])
    write_rows(path, head, found)


def named(prefix, classes):
    """Columns of every class."""
    return [f"{prefix}_{name}" for name in classes]


def write_rows(path, head, rows):
    """Writes a CSV."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])


def make_config(bags=24, fold=0, seed=0, classes=CLASSES, single_label=True, **more):
    """A run's config.json as a dict."""
    return {"recipe": "kraus2016", "variant": "default", "bags": bags, "fold": fold, "seed": seed,
            "options": {"pooling": "noisy_and", "slope": 10}, "data": {"folder": "data", "shards": "0" * 64},
            "preprocessing": {"kind": "fields", "hash": "abc"}, "classes": list(classes), "single_label": single_label,
            "channels": ["dna", "actin", "tubulin"], "command": "train.py --recipe kraus2016",
            "versions": {"tensorflow": "2.21.0"}, **more}


def write_run(out, bags=24, fold=0, seed=0, skill=2.0, multi=0.0, test=(3,), treatments=2, cells=3, **more):
    """Writes a finished run whose test images are of the replicates `test`, and returns its folder."""
    run = out / "kraus2016" / f"bags-{bags}" / f"fold-{fold}" / f"seed-{seed}"
    run.mkdir(parents=True)
    config = make_config(bags, fold, seed, single_label=not multi, **more)
    (run / "config.json").write_text(json.dumps(config), encoding="utf-8")
    write_rows(run / "history.csv", ["epoch", "train_loss", "validation_loss", "validation_error", "validation_map"],
               [[0, 2.1, 2.0, 0.6, 0.4], [1, 1.1, 1.2, 0.3, 0.8]])
    for place, (name, replicates) in enumerate((("validation", (1,)), ("test", test))):
        rows = screen(replicates, treatments, multi=multi)
        write_tables(run, name, rows, skill, [place, bags, fold, seed], softmax=not multi, cells=cells)
    return run

