"""A network of positions as a SavedModel: beside what every model answers, where in the slice it looked.

To the signatures of `mil_tf.export` comes a third, fed `slices`, float32 (n, h, w, 1) in HU:

    maps   -> probabilities   float32 (n, 2), column 1 positive
              map             float32 (n, h', w'), see `mil_tf.models.position_mil.network`

It takes what it is given in one pass, so its caller cuts a scan into chunks.
"""

import tensorflow as tf

from mil_tf.export import ExportedScorer


class ExportedPositions(ExportedScorer):
    """Signatures `slices`, `bag` and `maps` around two Keras models, which share their weights.

    Args:
        scorer: (n, h, w, 1) in HU -> (n, 2) probabilities.
        mapper: (n, h, w, 1) in HU -> {"probabilities": (n, 2), "map": (n, h', w', 1)}.
    """

    def __init__(self, scorer, mapper):
        super().__init__(scorer)
        self._mapper = mapper

    def signatures(self):
        """{"slices", "bag", "maps"}: concrete functions."""
        maps = tf.function(self._maps, input_signature=[self._spec]).get_concrete_function()
        return {**super().signatures(), "maps": maps}

    def _maps(self, slices):
        found = self._mapper(slices, training=False)
        return {"probabilities": found["probabilities"], "map": tf.squeeze(found["map"], axis=-1)}
