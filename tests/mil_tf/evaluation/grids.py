"""Folders of runs as training leaves them, made up without any: what a model answers follows from a skill."""

import csv
import json

import numpy as np

from mil_tf.runs import digest

SLICES = 6


def slice_truths(bags, positives=None, prefix="test"):
    """{id: truth of its slices}: of the first `positives` bags (default: half) two slices bleed."""
    random, found = np.random.default_rng(bags), {}
    for bag in range(bags):
        truth = np.zeros(SLICES, dtype=int)
        if bag < (bags // 2 if positives is None else positives):
            start = random.integers(0, SLICES - 1)
            truth[start:start + 2] = 1
        found[f"{prefix}-{bag:03d}"] = truth
    return found


def write_answers(run, name, truths, skill, seed, rare=2.0):
    """Writes predictions and instances of a model; the same bags are hard for all models, and what is `rare` is doubted."""
    own, bags, slices = np.random.default_rng(seed), [], []
    for number, (id, truth) in enumerate(truths.items()):
        hard = np.random.default_rng(number).normal(0, 1, len(truth))
        logit = skill * truth - rare + 0.7 * hard + 0.7 * own.normal(0, 1, len(truth))
        probability = 1 / (1 + np.exp(-logit))
        bags.append([id, f"patient-{id}", int(truth.any()), probability.max(), int(probability.argmax())])
        slices += [[id, f"patient-{id}", i, 5.0 * i, truth[i], probability[i]] for i in range(len(truth))]
    write_rows(run / f"predictions-{name}.csv", "id,patient,y_true,y_prob,top_instance", bags)
    write_rows(run / f"instances-{name}.csv", "id,patient,source_index,position_mm,y_true,y_prob", slices)


def write_rows(path, header, rows):
    """Writes a CSV."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header.split(","), *rows])


def make_config(bags, fold, seed, dataset=None, **more):
    """A run's config.json as a dict; `dataset` is an open Dataset."""
    shards = "0" * 64 if dataset is None else digest(dataset.info["shards"])
    return {
        "recipe": "remedios2020", "variant": "default", "bags": bags, "fold": fold, "seed": seed,
        "options": {"scoring": "exact", "backbone": "resnet34"},
        "data": {"folder": "data" if dataset is None else str(dataset.folder), "shards": shards, "splits": f"{fold}" * 64},
        "preprocessing": {} if dataset is None else dataset.info.get("preprocessing", {}),
        "command": "train.py --bags 100 200 --folds 5", "commit": "0123456789ab",
        "versions": {"python": "3.11.7", "tensorflow": "2.21.0"}, "hardware": {"processor": "CPU <1>", "cores": 2},
        **more,
    }


def write_run(out, bags, fold, seed, skill, truths, dataset=None, seconds=60.0, rare=2.0, **more):
    """Writes a finished run and returns its folder."""
    run = out / "remedios2020" / f"bags-{bags}" / f"fold-{fold}" / f"seed-{seed}"
    run.mkdir(parents=True)
    (run / "config.json").write_text(json.dumps(make_config(bags, fold, seed, dataset, **more)), encoding="utf-8")
    (run / "progress.json").write_text(json.dumps({"epochs": 2, "seconds": seconds, "failed": ""}), encoding="utf-8")
    write_rows(run / "history.csv", "epoch,train_loss,validation_loss,validation_ap,validation_auc",
               [[0, 0.7, 0.69, 0.5, 0.5], [1, 0.5, 0.6, 0.8, 0.7]])
    key = [bags, fold, seed]
    write_answers(run, "validation", slice_truths(16, prefix=f"validation-{fold}"), skill, [1, *key], rare)
    write_answers(run, "test", truths, skill, [2, *key], rare)
    return run


def write_unfinished(out, bags, fold, seed, dataset=None, failed=""):
    """Writes a run that has begun and returns its folder."""
    run = out / "remedios2020" / f"bags-{bags}" / f"fold-{fold}" / f"seed-{seed}"
    run.mkdir(parents=True)
    (run / "config.json").write_text(json.dumps(make_config(bags, fold, seed, dataset)), encoding="utf-8")
    (run / "progress.json").write_text(json.dumps({"epochs": 1, "seconds": 9.0, "failed": failed}), encoding="utf-8")
    return run


def write_grid(out, skills, folds=3, seeds=1, truths=None, dataset=None):
    """Writes the runs of a grid: `skills` maps a number of bags to what its models can do."""
    truths = slice_truths(40) if truths is None else truths
    return [write_run(out, bags, fold, seed, skill, truths, dataset) for bags, skill in skills.items()
            for fold in range(folds) for seed in range(seeds)]
