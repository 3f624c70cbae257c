"""The method of recipes whose gradient comes from selected instances of a bag (remedios2020)."""

from mil_tf.models.build import build_scorer
from mil_tf.options import OptionError
from mil_tf.training.loop import Plan
from mil_tf.training.method import (
    build_chooser,
    build_optimizer,
    build_search,
    build_signals,
    learning_rate,
    resolved_scoring,
    window_of,
)
from mil_tf.training.prepared import Prepared, Restored
from mil_tf.training.scoring import Scorer
from mil_tf.training.shared import Replica, share_out


def resolved(options):
    """The options with the precision that `scoring=auto` stands for here."""
    return {**options, "scoring": resolved_scoring(options["scoring"])}


def prepare(job, dataset, sources, crew):
    """Returns the Prepared of a job. Raises ValueError where an option cannot be."""
    options = job.options
    if crew.replicas > 1 and options["rescore_top"]:
        raise OptionError("--set rescore_top: Expected 0 with --strategy, whose replicas do not share the table. "
                          f"Received: {options['rescore_top']}.")
    replica = share_out(crew, lambda: _replica(job, sources["train"].instance_shape))
    plan = Plan(
        options["max_epochs"], options["patience"], options["min_delta"], job.seed,
        first_epoch=min(options["warm_up"], options["max_epochs"] - 1),
    )
    return Prepared(
        replica, plan, window_of(options), build_optimizer(options), learning_rate(options),
        lambda epoch: epoch < options["warm_up"],
    )


def restore(options, config):
    """Returns the Restored of a run's options and config."""
    model = build_scorer(options, config["seed"], config["channels"])
    return Restored(model, Scorer(model, options["chunk"], options["jit"]))


def _replica(job, shape):
    height, width, channels = shape
    model = build_scorer(job.options, job.seed, channels, (height, width))
    scorer = Scorer(model, job.options["chunk"], job.options["jit"])
    search = build_search(job.options, model, scorer)
    search.check((height, width, channels))
    chooser = build_chooser(job.options, search, job.bags)
    kept = {"likeliest": chooser.likeliest} if job.options["rescore_top"] else {}
    return Replica(model, scorer, search, build_signals(job.options, model, chooser, job.seed), kept)
