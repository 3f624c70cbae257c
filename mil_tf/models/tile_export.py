"""A network of tiles as a SavedModel: beside what every model answers, its logits at every position of an image.

To the signatures of `mil_tf.export` comes a third, fed `images`, float32 (n, h, w, 3), red, green, blue from 0 to 255:

    maps            -> logit   float32 (n, h / stride, w / stride), of positive less that of negative
    maps_bfloat16   -> logit   the same from convolutions in bfloat16: half the time on processors that have it

Both run the folded twin of the network, whose batch normalisations cost nothing.
"""

import tensorflow as tf

from mil_tf.export import ExportedScorer
from mil_tf.models.folded import Folded
from mil_tf.models.tile_net import CHANNELS, dense_logits


class ExportedTiles(ExportedScorer):
    """Signatures `slices` (of tiles), `bag`, `maps` and `maps_bfloat16`.

    Args:
        model: of `mil_tf.models.tile_net.tile_scorer`.
    """

    def __init__(self, model):
        super().__init__(model)
        self._twins = {"maps": Folded(model, "float32").network, "maps_bfloat16": Folded(model, "bfloat16").network}

    def signatures(self):
        """{name: concrete function}."""
        return {**super().signatures(), **{name: _maps(twin) for name, twin in self._twins.items()}}


def _maps(scorer):
    logits = dense_logits(scorer)
    spec = tf.TensorSpec([None, None, None, CHANNELS], tf.float32, name="images")
    return tf.function(lambda images: {"logit": logits(images)}, input_signature=[spec]).get_concrete_function()
