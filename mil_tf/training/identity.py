"""What makes a run that run: its settings, its bags and its initial weights. Importing this imports no TensorFlow."""

import json

import numpy as np

from mil_tf import image_set, recipes, runs
from mil_tf.data import nested_subset

# What must agree before a run is resumed; versions, hardware and command may differ, at the user's own risk of bits.
IDENTITY = ("recipe", "variant", "bags", "fold", "seed", "preprocessing")
SPLITS = ("train", "validation", "test")
WEIGHTS = "initial_weights"
DATA = ("shards", "splits", "images")
# Options that say where something is, or only when a run goes on: it is the same run with others.
FREE = ("images", "enough")


def rows_of(job, dataset):
    """{"train", "validation", "test": list[BagRow]}: what a run learns from and is judged on.

    Of the splits that the recipe names in STAND_IN, those that the data set has not are the training bags.
    """
    splits = dataset.splits(job.fold)
    if not splits["train"]:
        return {name: splits[name] for name in SPLITS}
    labels = np.array([row.label for row in splits["train"]])
    kept = nested_subset(labels, job.bags, job.seed)
    found = {name: splits[name] for name in SPLITS} | {"train": [splits["train"][place] for place in kept]}
    stand_in = getattr(recipes.load(job.recipe), "STAND_IN", ())
    return found | {name: found["train"] for name in stand_in if not found[name]}


def facts(job, dataset):
    """What a run's config says of its job and data."""
    ids = {name: [row.id for row in rows] for name, rows in rows_of(job, dataset).items()}
    return {
        "recipe": job.recipe, "variant": job.variant, "bags": job.bags, "fold": job.fold, "seed": job.seed,
        "options": job.options,
        "data": {
            "folder": str(dataset.folder), "shards": runs.digest(dataset.info["shards"]), "splits": runs.digest(ids),
            **({"images": image_set.digest(job.options["images"])} if job.options.get("images") else {}),
        },
        "preprocessing": dataset.info.get("preprocessing", {}),
    }


def identity(config):
    """What must agree between the workers of a run."""
    kept = {name: config[name] for name in (*IDENTITY, "options", WEIGHTS)}
    return {**kept, **{name: config["data"].get(name) for name in DATA}}


def refuse_another(folder, before, now):
    """Raises RunError where the config of the run in a folder is not that of the command that would resume it.

    Options that the recipe names in LATER may change until the file that stands for them there is in the folder.
    """
    later = getattr(recipes.load(now["recipe"]), "LATER", {})
    free = {*FREE, *(name for file, names in later.items() if not (folder / file).exists() for name in names)}
    changed = _changes(before, json.loads(json.dumps(now)), free)  # as JSON gives it back: tuples as lists
    if changed:
        raise runs.RunError(
            f"{folder} cannot be resumed: it was made with another {', '.join(changed)}; choose another --out."
        )


def _changes(before, now, free):
    """What differs between a run and the command that would resume it, each in a few words."""
    then = before["options"]
    found = [name for name in IDENTITY if before.get(name) != now[name]]
    found += [
        f"{name} ({then.get(name)}, now {value})" for name, value in now["options"].items()
        if name not in free and value != then.get(name)
    ]
    found += [f"data ({name})" for name in DATA if before["data"].get(name) != now["data"].get(name)]
    # Said only where nothing explains them: another version drew them.
    return found or [WEIGHTS] * (WEIGHTS in now and before.get(WEIGHTS) != now[WEIGHTS])
