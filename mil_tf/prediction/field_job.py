"""Answers field by field: a bad one is told about and left out, the others go on."""

from mil_tf.prediction import field_files
from mil_tf.prediction.field_answer import answer
from mil_tf.prediction.job import each, tell


def predict_fields(fields, rejected, model, out):
    """As `mil_tf.prediction.job.predict_all`, of [(id, Source)] and a loaded FieldModel."""

    def written(id, found):
        for text in found.warnings:
            tell(f"{id}: WARNING: {text}")
        return field_files.write_all(out, found, model)

    columns = field_files.columns(model)
    return each(fields, rejected, out, columns, lambda id, source: answer(source, id, model), written, what="fields")
