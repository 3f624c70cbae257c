"""What a worker on another machine runs: `product.make`, once it is sure to give what it would give here.

A folder that is not mounted there, or a library of another version, would else reject every scan or change the bags in
silence. The check is part of each task, since workers may join at any time.
"""

import functools
import os
import shutil
import socket

from preprocessing.product import make as make_here
from preprocessing.settings import ALGORITHM
from tfrecords.writer import package_version

# What computes voxels; another version of these may round otherwise.
LIBRARIES = ("numpy", "scipy", "scikit-image", "SimpleITK", "nibabel", "dcm2niix")


class UnfitError(RuntimeError):
    """This machine cannot make what the job's own would; the message is one line that says why."""


def make(scan, settings, outputs, wanted):
    """Returns what `product.make` does of a scan with absolute paths.

    Args:
        wanted: `versions()` of the job's machine.

    Raises:
        UnfitError: another version, or a file or program that is not here.
    """
    reason = unfit(scan, settings, wanted)
    if reason:
        raise UnfitError(f"worker on {socket.gethostname()} {reason}")
    return make_here(scan, settings, outputs)


def unfit(scan, settings, wanted):
    """Why this machine cannot make a scan as the job's own would, or ""."""
    here = versions()
    for name, version in wanted.items():
        if here.get(name) != version:
            return f"has {name} {here.get(name)}, the job's machine {version}; install the same"
    for path in [*files(scan), *([settings.template] if settings.template else [])]:
        if not os.path.exists(path):
            return f"does not see {path}; give all machines the folder by the same name"
    if settings.template and not _is_same(settings):
        return f"sees another file as {settings.template}"
    if settings.brain == "ct-bet" and shutil.which("bet2") is None:
        return "has no bet2 on its PATH; install FSL there"
    return ""


@functools.lru_cache(maxsize=1)
def versions():
    """{name: version} of all that must be the same for bags to be the same."""
    libraries = {name: package_version(name) for name in LIBRARIES}
    return {"mil-tf": package_version(), "algorithm": str(ALGORITHM)} | libraries


def absolute(scan):
    """The scan with the paths by which other machines know its files."""
    path = scan.path
    if isinstance(path, str):
        path = os.path.abspath(path)
    else:
        path = path._replace(places=tuple(each._replace(path=os.path.abspath(each.path)) for each in path.places))
    return scan._replace(path=path, mask=scan.mask and os.path.abspath(scan.mask))


def files(scan):
    """A file of each folder that the scan needs: of a series the first, as one stands for all."""
    first = scan.path if isinstance(scan.path, str) else scan.path.places[0].path
    return [first] + ([scan.mask] if scan.mask else [])


def _is_same(settings):
    from preprocessing.alignment.template import fingerprint

    return fingerprint(settings.template) == settings.template_hash
