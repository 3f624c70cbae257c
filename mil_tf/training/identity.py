"""What makes a run that run: its settings, its bags and its initial weights. Importing this imports no TensorFlow."""

import json

import numpy as np

from mil_tf import runs
from mil_tf.data import nested_subset

# What must agree before a run is resumed; versions, hardware and command may differ, at the user's own risk of bits.
IDENTITY = ("recipe", "variant", "bags", "fold", "seed", "preprocessing")
SPLITS = ("train", "validation", "test")
WEIGHTS = "initial_weights"


def rows_of(job, dataset):
    """{"train", "validation", "test": list[BagRow]}: what a run learns from and is judged on."""
    splits = dataset.splits(job.fold)
    labels = np.array([row.label for row in splits["train"]])
    kept = nested_subset(labels, job.bags, job.seed)
    return {name: splits[name] for name in SPLITS} | {"train": [splits["train"][place] for place in kept]}


def facts(job, dataset):
    """What a run's config says of its job and data."""
    ids = {name: [row.id for row in rows] for name, rows in rows_of(job, dataset).items()}
    return {
        "recipe": job.recipe, "variant": job.variant, "bags": job.bags, "fold": job.fold, "seed": job.seed,
        "options": job.options,
        "data": {
            "folder": str(dataset.folder), "shards": runs.digest(dataset.info["shards"]), "splits": runs.digest(ids),
        },
        "preprocessing": dataset.info.get("preprocessing", {}),
    }


def identity(config):
    """What must agree between the workers of a run."""
    kept = {name: config[name] for name in (*IDENTITY, "options", WEIGHTS)}
    return {**kept, "shards": config["data"]["shards"], "splits": config["data"]["splits"]}


def refuse_another(folder, before, now):
    """Raises RunError where the config of the run in a folder is not that of the command that would resume it."""
    changed = _changes(before, json.loads(json.dumps(now)))  # as JSON gives it back: tuples as lists
    if changed:
        raise runs.RunError(
            f"{folder} cannot be resumed: it was made with another {', '.join(changed)}; choose another --out."
        )


def _changes(before, now):
    """What differs between a run and the command that would resume it, each in a few words."""
    then = before["options"]
    found = [name for name in IDENTITY if before.get(name) != now[name]]
    found += [
        f"{name} ({then.get(name)}, now {value})" for name, value in now["options"].items() if value != then.get(name)
    ]
    found += [f"data ({name})" for name in ("shards", "splits") if before["data"].get(name) != now["data"][name]]
    # Said only where nothing explains them: another version drew them.
    return found or [WEIGHTS] * (WEIGHTS in now and before.get(WEIGHTS) != now[WEIGHTS])
