"""Few bags make few steps an epoch: how long a run is. Importing this imports no TensorFlow."""

import math


def lengthened(options, bags):
    """The options with a warm-up that has `warm_up_steps` optimizer steps, however few the training bags are.

    Its epochs grow, and those of the whole training by as many.
    """
    if not options.get("warm_up"):  # not every recipe has one
        return options
    steps = math.ceil(bags / options["warm_up_window"])
    more = max(0, math.ceil(options["warm_up_steps"] / steps) - options["warm_up"])
    return {**options, "warm_up": options["warm_up"] + more, "max_epochs": options["max_epochs"] + more}


def most_epochs(job):
    """Epochs after which a `mil_tf.runs.Job` ends in any case."""
    return lengthened(job.options, job.bags)["max_epochs"]
