"""A pooling's name in a recipe -> the layer. Options may follow: "noisy_and(slope=7.5)"."""

import difflib

from mil_tf import registry
from mil_tf.pooling.attention import AttentionPooling
from mil_tf.pooling.gated_attention import GatedAttentionPooling
from mil_tf.pooling.generalized_mean import GeneralizedMeanPooling
from mil_tf.pooling.isr import IsrPooling
from mil_tf.pooling.log_sum_exp import LogSumExpPooling
from mil_tf.pooling.max import MaxPooling
from mil_tf.pooling.mean import MeanPooling
from mil_tf.pooling.noisy_and import NoisyAndPooling
from mil_tf.pooling.noisy_or import NoisyOrPooling

POOLINGS = {
    "max": MaxPooling, "mean": MeanPooling, "noisy_or": NoisyOrPooling, "isr": IsrPooling,
    "generalized_mean": GeneralizedMeanPooling, "log_sum_exp": LogSumExpPooling, "noisy_and": NoisyAndPooling,
    "attention": AttentionPooling, "gated_attention": GatedAttentionPooling,
}


def pooling(text, /, **options):
    """Returns a pooling layer.

    Args:
        text: a name of POOLINGS, such as "max" or "log_sum_exp(r=5)".
        options: of the layer; those in the text win.

    Raises:
        mil_tf.registry.UnknownNameError: no pooling has the name, or it does not take the options.
    """
    name, given = registry.parsed(text, "pooling")
    if name not in POOLINGS:
        near = difflib.get_close_matches(name, POOLINGS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise registry.UnknownNameError(
            f"Expected the name of a pooling, one of {', '.join(POOLINGS)}. Received: {name!r}{hint}"
        )
    return registry.made(name, POOLINGS[name], {**options, **given})
