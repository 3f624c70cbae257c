"""One scan -> all that is written of it: bags, and files for people to look at.

`make` is the one function that a worker runs, on this machine or another; it sends bytes back and writes nothing, so
that it need not share a folder with the job.
"""

from typing import NamedTuple

from preprocessing import units
from preprocessing.errors import ScanError


class Outputs(NamedTuple):
    """What is made of a scan besides its bag.

    Attributes:
        masks: whether the brain mask is saved, as NIfTI on the scan's own voxels.
        unit: what a bag is, one of `preprocessing.units.UNITS`.
    """

    masks: bool = False
    unit: str = "scan"


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
    """Returns the Product of an `inputs.Scan`, or the reason in one line why there is none; whatever a scan does to the
    code, the job goes on. Raises MemoryError alone.
    """
    from preprocessing.ct import prepare

    given = scan._asdict()
    path = given.pop("path")
    try:
        return _product(prepare(path, settings, **given), outputs)
    except ScanError as error:
        return str(error)
    except MemoryError:
        raise
    except Exception as error:
        return f"unexpected {type(error).__name__}: {' '.join(str(error).split())}"


def file_name(id):
    """A bag's id as the name of a file: what no file name may hold becomes `_`."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in id)


def _product(prepared, outputs):
    files = {}
    if outputs.masks and prepared.inside is not None:
        from preprocessing.brain.saved import as_nifti

        files[f"masks/{file_name(prepared.bag.id)}.nii.gz"] = as_nifti(prepared)
    bags, left_out = ([prepared.bag], "") if outputs.unit == "scan" else units.slices(prepared.bag)
    return Product(bags, files, left_out)
