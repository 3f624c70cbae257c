"""What train.py does with its arguments: resolve them to jobs, then run the jobs one after the other."""

import os
import sys

from mil_tf import recipes
from mil_tf.options import OptionError, parse_assignments, resolve

INTERRUPTED = 130  # the shell's code for a command that SIGINT ended


def train_command(given):
    """Runs the jobs that the parsed arguments ask for; returns the exit code."""
    try:
        recipe = recipes.load(given.recipe)
        options = resolve_options(recipe, given)
        if given.list_options:
            return _list(recipe, options)
        return _run(recipe, options, given)
    except ValueError as error:  # every error of the package that a user can mend is one
        print(f"train.py: {error}", file=sys.stderr)
        return 2


def resolve_options(recipe, given):
    """The options of a run: the recipe's, then the variant's, --quick's, a profile's, and --set over all of them.

    Raises OptionError.
    """
    if given.variant not in recipe.VARIANTS:
        raise OptionError(f"--variant: Expected one of {', '.join(recipe.VARIANTS)}. Received: {given.variant!r}.")
    assigned = parse_assignments(given.set)
    profile = assigned.get("profile", "quick" if given.quick else recipe.OPTIONS["profile"].default)
    if profile not in recipe.PROFILES:
        raise OptionError(f"--set profile: Expected one of {', '.join(recipe.PROFILES)}. Received: {profile!r}.")
    return resolve(recipe.OPTIONS, recipe.PROFILES[profile], recipe.VARIANTS[given.variant], {"profile": profile}, assigned)


def jobs(recipe, options, given, dataset):
    """The grid's jobs, in the order sizes, folds, seeds."""
    from mil_tf.training.run import Job

    folds = range(given.folds) if given.folds is not None else [given.fold or 0]
    seeds = range(given.seeds) if given.seeds is not None else [given.seed or 0]
    sizes = given.bags or [len(dataset.splits(folds[0])["train"])]
    return [
        Job(given.recipe, given.variant, options, bags, fold, seed) for bags in sizes for fold in folds for seed in seeds
    ]


def _run(recipe, options, given):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for name in ("folds", "seeds"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            raise OptionError(f"--{name}: Expected at least 1. Received: {getattr(given, name)}.")
    from tfrecords import Dataset

    if given.data is None:
        from mil_tf.embedded import embedded_dataset

        given.data = embedded_dataset(given.recipe, given.quick)
    dataset = Dataset(given.data)
    todo = jobs(recipe, options, given, dataset)
    from mil_tf.training.interrupt import Interrupted
    from mil_tf.training.loop import NonFiniteError
    from mil_tf.training.run import train

    for index, job in enumerate(todo, 1):
        print(f"run {index}/{len(todo)}: {job.folder(given.out)}", flush=True)
        try:
            train(job, dataset, given.out, given.resume, show=lambda line: print(line, flush=True))
        except (Interrupted, NonFiniteError) as error:
            print(f"train.py: {error}", file=sys.stderr)
            return INTERRUPTED if isinstance(error, Interrupted) else 1
    return 0


def _list(recipe, options):
    for name, option in recipe.OPTIONS.items():
        print(f"{name} = {options[name]!r}\n    {option.help} (default: {option.source})")
    return 0
