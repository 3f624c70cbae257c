"""The trained model as a SavedModel that needs neither mil-tf nor Keras, with what prediction must know.

`export/` holds the SavedModel and `mil_tf.json`. Two signatures, both fed `slices`, float32 (n, h, w, c), HU:

    slices -> probabilities        float32 (n, 2), column 1 positive
    bag    -> probability          float32 (), of the top slice
              top_slice            int64 (), its position among the slices given; the lowest among equals
              slice_probabilities  float32 (n,), of the positive class

`slices` takes what it is given in one pass, so its caller cuts a scan into chunks; `bag` cuts by itself. A method may
add signatures and facts of its own, such as `mil_tf.models.position_export`.
"""

import os
import shutil
from pathlib import Path

import numpy as np
import tensorflow as tf

from mil_tf import runs

FORMAT = 1
FACTS = "mil_tf.json"
CHUNK = 8  # slices a pass of the `bag` signature, whose memory must not grow with the scan; our decision
# What the model's folder tells of the run that made it.
KEPT = ("recipe", "variant", "bags", "fold", "seed", "preprocessing", "versions", "commit", "parameters")
OPTIONAL = ("spacing",)


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
        count = tf.shape(slices)[0]
        some = tf.debugging.Assert(count > 0, ["Expected at least one slice. Received: 0."])
        with tf.control_dependencies([some]):
            starts = tf.range(0, count, CHUNK)
        parts = tf.map_fn(
            lambda start: self._padded(slices[start : start + CHUNK]), starts, parallel_iterations=1,
            fn_output_signature=tf.TensorSpec([CHUNK], tf.float32),
        )
        positive = tf.reshape(parts, [-1])[:count]
        # tf.argmax promises nothing on ties; a NaN must come out and not be passed over.
        rank = tf.where(tf.math.is_nan(positive), float("inf"), positive)
        top = tf.where(tf.equal(rank, tf.reduce_max(rank)))[0, 0]
        return {"probability": positive[top], "top_slice": top, "slice_probabilities": positive}

    def _padded(self, slices):
        found = self._model(slices, training=False)[:, 1]
        return tf.pad(found, [[0, CHUNK - tf.shape(found)[0]]])


def export(folder, model, config, data=None, module=None, more=None, decides=True):
    """Writes `folder/export` whole: the SavedModel, `mil_tf.json`, and the template that scans are aligned to.

    Args:
        folder: a run whose validation table is written.
        model: its best weights.
        config: the run's config; `spacing` in it is optional, see `spacing_range`.
        data: folder of the training bags, with their template; None where they have none.
        module: tf.Module whose `signatures()` are written; an `ExportedScorer` of the model unless given.
        more: dict of a method's own facts.
        decides: whether there is a threshold to choose, on the validation table of a binary label.

    Raises:
        ValueError: `more` has facts of another meaning here.
    """
    from mil_tf.evaluation.run import validation_threshold

    folder = Path(folder)
    part, final = folder / "writing-export", folder / "export"
    shutil.rmtree(part, ignore_errors=True)
    module = ExportedScorer(model) if module is None else module
    tf.saved_model.save(module, str(part), signatures=module.signatures())
    facts = {"format": FORMAT, **{name: config[name] for name in KEPT}}
    facts |= {name: config[name] for name in OPTIONAL if config.get(name) is not None}
    facts["weights"] = runs.weights_digest(model)
    if decides:
        facts["threshold"] = validation_threshold(folder)
    facts = _with(facts, more or {})
    runs.write_json(part / FACTS, facts)
    template = config["preprocessing"].get("settings", {}).get("template")
    if template and data is not None:
        shutil.copyfile(Path(data) / template, part / template)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(part, final)


def _with(facts, more):
    taken = sorted(set(facts) & set(more))
    if taken:
        raise ValueError(f"Expected `more` of other names than every export has. Received: more with {taken[0]!r}")
    return {**facts, **more}


def spacing_range(source):
    """The least and greatest voxel size of a source's bags, so that a scan unlike them can be told.

    Args:
        source: a source of `mil_tf.data`, for instance the training bags.

    Returns:
        {"low": [3 floats], "high": [3 floats]} in mm (column, row, slice), or None where a bag has
        no spacing.
    """
    found = [source.fields(position).spacing for position in range(len(source))]
    if not found or any(spacing is None for spacing in found):
        return None
    sizes = np.asarray(found, np.float64)
    ends = {"low": sizes.min(axis=0), "high": sizes.max(axis=0)}
    return {name: [round(float(size), 6) for size in end] for name, end in ends.items()}
