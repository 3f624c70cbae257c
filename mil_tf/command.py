"""What train.py does with its arguments: resolve them to jobs, then run the one, or hand several to the grid."""

import sys
from pathlib import Path

from mil_tf import recipes
from mil_tf.grid.jobs import jobs
from mil_tf.grid.shard import parse, share
from mil_tf.options import OptionError, origins, parse_assignments, resolve
from mil_tf.training.interrupt import Interrupted, termination_as_ctrl_c

STRATEGIES = ("mirrored", "multiworker")
INTERRUPTED = 130  # the shell's code for a command that SIGINT ended


def train_command(given):
    """Runs the jobs that the parsed arguments ask for; returns the exit code."""
    try:
        with termination_as_ctrl_c():
            recipe = recipes.load(given.recipe)
            layers = option_layers(recipe, given)
            options = resolve(recipe.OPTIONS, *(values for _, values in layers))
            return _list(recipe, options, layers) if given.list_options else _run(recipe, options, given)
    except ValueError as error:  # every error of the package that a user can mend is one
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # outside the loop, or a second time within it
        print("train.py: stopped at once; go on with the same command and --resume", file=sys.stderr)
        return INTERRUPTED


def resolve_options(recipe, given):
    """The options of a run: the recipe's with all layers over them. Raises OptionError."""
    return resolve(recipe.OPTIONS, *(values for _, values in option_layers(recipe, given)))


def option_layers(recipe, given):
    """[(name, values)] over the recipe's defaults: a profile's or --quick's, then the variant's, then --set.

    Raises OptionError.
    """
    if given.variant not in recipe.VARIANTS:
        raise OptionError(f"--variant: Expected one of {', '.join(recipe.VARIANTS)}. Received: {given.variant!r}.")
    assigned = {**parse_assignments(given.set), **_short(given)}
    profile = assigned.get("profile", "quick" if given.quick else recipe.OPTIONS["profile"].default)
    if profile not in tuple(recipe.PROFILES):
        raise OptionError(f"--set profile: Expected one of {', '.join(recipe.PROFILES)}. Received: {profile!r}.")
    return [
        (f"profile {profile}", recipe.PROFILES[profile] | {"profile": profile}),
        (f"variant {given.variant}", recipe.VARIANTS[given.variant]),
        ("--set", assigned),
    ]


def _short(given):
    """The options that have a flag of their own."""
    found = {"patches_in_memory": given.patches_in_memory, "images": given.images}
    return {name: value for name, value in found.items() if value is not None}


def _run(recipe, options, given):
    from mil_tf.grid import command as grid

    for name in ("folds", "seeds"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            raise OptionError(f"--{name}: Expected at least 1. Received: {getattr(given, name)}.")
    if given.strategy not in (None, *STRATEGIES):
        raise OptionError(f"--strategy: Expected one of {', '.join(STRATEGIES)}. Received: {given.strategy!r}.")
    grid.check(given)
    shard = given.shard and parse(given.shard)
    dataset = _dataset(options, given)
    everything = jobs(recipe, options, given, dataset)
    todo = share(everything, shard) if shard else everything
    if given.bags is None and len({job.fold for job in everything}) > 1:
        print(f"each fold trains on {everything[0].bags} bags, as many as the smallest has")
    if given.status:
        return grid.show_status(todo, dataset, given.out)
    if grid.is_grid(given, everything):
        return grid.train_grid(given, todo, everything, dataset)
    return _one_after_the_other(todo, dataset, given)


def _dataset(options, given):
    from tfrecords import Dataset

    if given.data is None:
        from mil_tf.embedded import EMBEDDED_IMAGES, embedded_dataset

        given.data = embedded_dataset(given.recipe)
        if given.recipe in EMBEDDED_IMAGES and not options["images"]:
            options["images"] = str(embedded_dataset(given.recipe, known=EMBEDDED_IMAGES))
        if options["profile"] == "full":
            print("the network is the paper's full one: hours on a CPU; --quick trains a small one in minutes")
    if options.get("images"):  # the run may be gone on with from another folder
        options["images"] = str(Path(options["images"]).absolute())
    return Dataset(given.data)


def _one_after_the_other(todo, dataset, given):
    from tfrecords import quiet

    quiet.tensorflow()
    from mil_tf.training.crew import Alone, WorkerError
    from mil_tf.training.loop import NonFiniteError
    from mil_tf.training.run import train

    crew = _crew(given.strategy) or Alone()
    show = (lambda line: print(line, flush=True)) if crew.chief else lambda line: None
    for index, job in enumerate(todo, 1):
        print(f"run {index}/{len(todo)}: {job.folder(given.out)}", flush=True)
        try:
            train(job, dataset, given.out, given.resume, show, crew)
        except WorkerError as error:
            print(f"train.py: {error}", file=sys.stderr)
            return 1
        except (Interrupted, NonFiniteError) as error:  # all workers have it, after the same step
            print(f"train.py: {error}", file=sys.stderr)
            crew.part()
            return INTERRUPTED if isinstance(error, Interrupted) else 1
    crew.part()
    return 0


def _crew(name):
    """The Crew of a --strategy, or None where the run has one device."""
    if name is None:
        return None
    from mil_tf.training import devices, strategy
    from mil_tf.training.crew import Crew

    devices.set_up()
    found = strategy.build(name)
    if found is None:
        print(f"--strategy {name}: there is one device, and the run is on it alone")
        return None
    crew = Crew(found)
    print(f"--strategy {name}: replicas {', '.join(map(str, crew.numbers))} of {crew.replicas} are here", flush=True)
    return crew


def _list(recipe, options, layers):
    found = origins(recipe.OPTIONS, layers)
    for name, option in recipe.OPTIONS.items():
        default = "" if options[name] == option.default else f"; default {option.default!r}, {option.source}"
        print(f"{name} = {options[name]!r}    from: {found[name]}{default}\n    {option.help}")
    return 0
