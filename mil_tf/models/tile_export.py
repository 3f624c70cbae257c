"""A network of tiles as a SavedModel: beside what every model answers, its logits at every position of an image.

To the signatures of `mil_tf.export` comes a third, fed `images`, float32 (n, h, w, 3), red, green, blue from 0 to 255:

    maps   -> logit   float32 (n, h / stride, w / stride), of positive less that of negative
"""

import tensorflow as tf

from mil_tf.export import ExportedScorer
from mil_tf.models.tile_net import CHANNELS, dense_logits


class ExportedTiles(ExportedScorer):
    """Signatures `slices` (of tiles), `bag` and `maps`.

    Args:
        model: of `mil_tf.models.tile_net.tile_scorer`.
    """

    def __init__(self, model):
        super().__init__(model)
        self._dense = dense_logits(model)

    def signatures(self):
        """{"slices", "bag", "maps"}: concrete functions."""
        spec = tf.TensorSpec([None, None, None, CHANNELS], tf.float32, name="images")
        maps = tf.function(lambda images: {"logit": self._dense(images)}, input_signature=[spec])
        return {**super().signatures(), "maps": maps.get_concrete_function()}
