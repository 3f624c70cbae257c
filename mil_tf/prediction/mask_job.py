"""Segments scan by scan: a bad one is told about and left out, the others go on."""

from mil_tf.prediction import mask_files
from mil_tf.prediction.job import each, tell
from mil_tf.prediction.mask_answer import answer


def segment_all(scans, rejected, model, settings, out):
    """As `mil_tf.prediction.job.predict_all`, with a loaded `mil_tf.prediction.mask_model.MaskModel`."""

    def written(id, found):
        for text in found.warnings:
            tell(f"{id}: WARNING: {text}")
        return mask_files.write_all(out, found, model, settings)

    columns = mask_files.columns(model)
    return each(scans, rejected, out, columns, lambda id, path: answer(path, id, model, settings), written)
