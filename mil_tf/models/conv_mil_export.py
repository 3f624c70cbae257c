"""The network of kraus2016 as a SavedModel: what it answers, and which pixels made it answer.

`fields` is fed `fields`, float32 (n, h, w, c), fractions of the integer range of the pixels, of any size from `least`
pixels a side. It takes what it is given in one pass, so its caller bounds how many fields that are.

    fields -> probabilities   float32 (n, k), of the last layer
              pooled          float32 (n, k), of the MIL layer; of a network of cropped cells, the same again
              map             float32 (n, h', w', k), the probability of every class at every position

`maps` and `class_maps` are fed one field, float32 (1, h, w, c), and go backwards through the network too (equation 5,
mil_tf/localization/jacobian.py), without a tape: the gradients are in the graph.

    fields         -> jacobian        float32 (h, w), of all classes together
                      logits          float32 (h', w', k)
                      pooled          float32 (k,)
                      probabilities   float32 (k,)
    fields, seeds  -> the same, with a jacobian (m, h, w) for the m rows of `seeds`, float32 (m, k), what each class
                      counts; 1 for one class and 0 for the others is the map of that class
"""

import tensorflow as tf

from mil_tf.localization.jacobian import JacobianMapper
from mil_tf.localization.mapped import Mapped


class ExportedFields(tf.Module):
    """The signatures `fields`, `maps` and `class_maps` around a Keras model.

    Args:
        model: of `mil_tf.models.conv_mil`.
    """

    def __init__(self, model):
        super().__init__()
        self._model = model
        self._mapper = JacobianMapper(model)
        self._channels = model.input_shape[-1]

    def signatures(self):
        """{"fields", "maps", "class_maps"}: concrete functions."""
        fields, one = (tf.TensorSpec([n, None, None, self._channels], tf.float32, name="fields") for n in (None, 1))
        seeds = tf.TensorSpec([None, self._mapper.classes], tf.float32, name="seeds")
        made = {"fields": (self._fields, [fields]), "maps": (self._maps, [one]),
                "class_maps": (self._class_maps, [one, seeds])}
        return {name: tf.function(made, input_signature=spec).get_concrete_function()
                for name, (made, spec) in made.items()}

    def _fields(self, fields):
        found = self._model(fields, training=False)
        told = {name: found[name] for name in ("probabilities", "pooled")}
        return {**told, "map": tf.sigmoid(found["logits"])}

    def _maps(self, fields):
        found = self._class_maps(fields, tf.ones([1, self._mapper.classes]))
        return {**found, "jacobian": found["jacobian"][0]}

    def _class_maps(self, fields, seeds):
        return dict(zip(Mapped._fields, self._mapper.traced(fields, seeds)))
