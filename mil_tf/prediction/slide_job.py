"""Answers slide by slide: a bad one is told about and left out, the others go on."""

from mil_tf.prediction import slide_files
from mil_tf.prediction.job import each, tell
from mil_tf.prediction.slide_answer import answer
from preprocessing.progress import Progress


def predict_slides(slides, rejected, model, out):
    """As `mil_tf.prediction.job.predict_all`, of slides and a loaded TileModel."""

    def answered(id, path):
        return answer(path, id, model, _Shown(id))

    def written(id, found):
        for text in found.warnings:
            tell(f"{id}: WARNING: {text}")
        return slide_files.write_all(out, found, model)

    return each(slides, rejected, out, slide_files.PREDICTIONS, answered, written, what="slides")


class _Shown:
    """The line of progress over a slide's windows."""

    def __init__(self, id):
        self._id = id

    def __call__(self, done, windows):
        if not done:  # the clock of the windows' speed begins before the first
            self._progress = Progress(windows, what=f"windows of {self._id}")
            return
        self._progress.step()
        if done == windows:
            self._progress.close()
