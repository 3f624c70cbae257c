"""One scan -> all that is written of it: bags, and files for people to look at.

`make` is the one function that a worker runs, on this machine or another; it sends bytes back and writes nothing, so
that it need not share a folder with the job.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

from preprocessing import qc, units
from preprocessing.bleeds import Reading
from preprocessing.errors import ScanError

TEMPLATE = "template.nii.gz"  # its name beside the bags, wherever the user's lies
LONGEST = 200  # bytes of a name; file systems take 255 with its ending, and that of a file being written


class Outputs(NamedTuple):
    """What is made of a scan besides its bag.

    Attributes:
        masks: whether the brain mask is saved, as NIfTI on the scan's own voxels.
        thumbnails: whether a picture is made for `qc.html`.
        unit: what a bag is, one of `preprocessing.units.UNITS`.
        types: `preprocessing.bleeds.Reading` where bags have the five types of bleed, or None.
    """

    masks: bool = False
    thumbnails: bool = True
    unit: str = "scan"
    types: Reading | None = None


class Product(NamedTuple):
    """What became of a scan.

    Attributes:
        bags: [Bag].
        files: {path below the data set's folder: bytes}.
        left_out: why a part of the scan is in no bag, or "".
    """

    bags: list
    files: dict
    left_out: str = ""


def make(scan, settings, outputs):
    """Returns the Product of an `inputs.Scan`, or the reason in one line why there is none."""
    from preprocessing.ct import prepare

    given = scan._asdict()
    path = given.pop("path")
    return or_reason(lambda: _product(prepare(path, settings, types=outputs.types, **given), outputs))


def or_reason(call):
    """What `call()` returns, or the reason in one line why it cannot; whatever a scan does to the code, the job goes
    on. Raises MemoryError alone.
    """
    try:
        return call()
    except ScanError as error:
        return str(error)
    except MemoryError:
        raise
    except Exception as error:
        return f"unexpected {type(error).__name__}: {' '.join(str(error).split())}"


def file_name(id):
    """A bag's id as the name of a file, another for every id: what no file name may hold becomes `_`, and where there
    is such, or too many letters, a hash of the id follows a `~`, which no other name has.
    """
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in id)
    if kept == id and len(id.encode()) <= LONGEST:
        return id
    short = kept.encode()[:LONGEST].decode(errors="ignore")
    return f"{short}~{hashlib.sha256(id.encode()).hexdigest()[:8]}"


def picture(id):
    """The path of a scan's picture below the data set's folder."""
    return f"{qc.FOLDER}/{file_name(id)}.jpg"


def _product(prepared, outputs):
    files = {}
    if outputs.masks and prepared.inside is not None:
        from preprocessing.brain.saved import as_nifti

        files[f"masks/{file_name(prepared.bag.id)}.nii.gz"] = as_nifti(prepared)
    if outputs.thumbnails:
        from preprocessing.qc.thumbnail import thumbnail

        files[picture(prepared.bag.id)] = thumbnail(prepared)
    scan = outputs.unit == "scan"
    bags, left_out = ([prepared.bag], "") if scan else units.slices(prepared.bag, prepared.left_out)
    return Product(bags, files, left_out)


def clear_beside(folder, *places):
    """Removes the table of a cohort, and the files of each of `places`, such as qc/*.png, that a job has put beside its
    bags, whole or half written.
    """
    from preprocessing.flow import TABLE

    folder = Path(folder)
    (folder / TABLE).unlink(missing_ok=True)
    for place in places:
        inside, pattern = place.rsplit("/", 1)
        for path in [*folder.glob(f"{inside}/*{Path(pattern).suffix}"), *folder.glob(f"{inside}/*.tmp")]:
            path.unlink()


def clear(folder):
    """Removes the files that an earlier job has put beside its bags; masks that it did not write stay."""
    from preprocessing.brain.saved import is_own
    from preprocessing.flow import TABLE

    folder = Path(folder)
    for name in (qc.PAGE, TABLE, TEMPLATE):
        (folder / name).unlink(missing_ok=True)
    old = [*folder.glob(f"{qc.FOLDER}/*.jpg"), *filter(is_own, folder.glob("masks/*.nii.gz"))]
    for path in [*old, *folder.glob(f"{qc.FOLDER}/*.jpg.tmp"), *folder.glob("masks/*.nii.gz.tmp")]:
        path.unlink()
