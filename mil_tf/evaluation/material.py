"""The bags behind a run's tables, where the folder it was trained on is still there and still holds the same ones."""

from pathlib import Path

from mil_tf.runs import digest
from tfrecords import Dataset, DatasetError


class MaterialError(ValueError):
    """The bags cannot be shown; the message says why, ready to stand in a page."""


def find_material(run, config, other=None):
    """The Dataset that a run was tested on.

    A relative folder is looked for from here and from each folder above the run, which may have been moved with its
    data. What is found counts only if its shards are those that the run has noted.

    Args:
        run: folder of the run.
        config: its config.json.
        other: folder of another cohort, if its answers are on that one.

    Raises:
        MaterialError: it is not to be found, or holds other bags.
    """
    if other is not None:
        return _opened(Path(other))
    data = config.get("data") or {}
    if not data.get("folder"):
        raise MaterialError("config.json names no data folder.")
    found = [_opened(folder) for folder in _candidates(run, Path(data["folder"])) if (folder / "dataset.json").exists()]
    same = [dataset for dataset in found if digest(dataset.info.get("shards")) == data.get("shards")]
    if same:
        return same[0]
    raise MaterialError(f"The data folder {data['folder']} "
                        + ("holds other bags now." if found else "is not to be found from here."))


def _candidates(run, folder):
    return dict.fromkeys(root / folder for root in (Path(), *Path(run).resolve().parents))


def _opened(folder):
    try:
        return Dataset(folder)
    except DatasetError as error:
        raise MaterialError(f"{error}") from error
