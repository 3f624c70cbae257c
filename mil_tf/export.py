"""The trained model as a SavedModel that needs neither mil-tf nor Keras, with everything prediction must know."""

import os
import shutil
from pathlib import Path

import tensorflow as tf

from mil_tf import runs

FORMAT = 1
CHUNK = 8  # slices a pass of the `bag` signature, so that its memory does not grow with the scan; our decision


class ExportedScorer(tf.Module):
    """Signatures `slices` and `bag` around a Keras model.

    Args:
        model: (n, h, w, c) in HU -> (n, 2) probabilities.
    """

    def __init__(self, model):
        super().__init__()
        self._model = model
        self._spec = tf.TensorSpec([None, None, None, model.input_shape[-1]], tf.float32, name="slices")

    def signatures(self):
        """{"slices", "bag"}: concrete functions."""
        return {
            "slices": tf.function(self._slices, input_signature=[self._spec]).get_concrete_function(),
            "bag": tf.function(self._bag, input_signature=[self._spec]).get_concrete_function(),
        }

    def _slices(self, slices):
        return {"probabilities": self._model(slices, training=False)}

    def _bag(self, slices):
        """The top slice decides; ties go to the lowest index, so slices come in anatomical order."""
        starts = tf.range(0, tf.shape(slices)[0], CHUNK)
        parts = tf.map_fn(
            lambda start: self._padded(slices[start : start + CHUNK]), starts, parallel_iterations=1,
            fn_output_signature=tf.TensorSpec([CHUNK], tf.float32),
        )
        positive = tf.reshape(parts, [-1])[: tf.shape(slices)[0]]
        top = tf.argmax(positive)
        return {"probability": positive[top], "top_slice": top, "slice_probabilities": positive}

    def _padded(self, slices):
        found = self._model(slices, training=False)[:, 1]
        return tf.pad(found, [[0, CHUNK - tf.shape(found)[0]]])


def export(folder, model, config):
    """Writes `folder/export` whole: the SavedModel and `mil_tf.json`.

    Args:
        folder: a run whose validation table is written.
        model: its best weights.
        config: the run's config.
    """
    from mil_tf.evaluation.run import validation_threshold

    folder = Path(folder)
    part, final = folder / "writing-export", folder / "export"
    shutil.rmtree(part, ignore_errors=True)
    module = ExportedScorer(model)
    tf.saved_model.save(module, str(part), signatures=module.signatures())
    kept = ("recipe", "variant", "bags", "fold", "seed", "preprocessing", "versions", "commit", "parameters")
    facts = {"format": FORMAT, **{name: config[name] for name in kept}}
    facts["threshold"] = validation_threshold(folder)
    runs.write_json(part / "mil_tf.json", facts)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(part, final)
