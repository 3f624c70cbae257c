"""DICOM files -> series, and which series of a study becomes the scan.

A series is what has one SeriesInstanceUID, one orientation and one matrix; a localizer that shares its UID with the
scan is thus a series of its own. A study is named by the topmost folder, or archive, that holds nothing else.
"""

import collections
import re
from pathlib import Path

import numpy as np

from preprocessing.dicom import agreement, headers
from preprocessing.dicom.files import ZIP, header, keeping_open, listed
from preprocessing.dicom.series import Series, Slice, normal
from preprocessing.orientation import MAX_ANGLE

LEAST_SLICES = 3  # fewer are no volume (our decision)
COVERED = 0.6  # of the longest axial series of the study; what is shorter shows a part of the head (our decision)
DECIMALS = 2  # of direction cosines that tell orientations apart, about half a degree
SAME_PLACE = 0.01  # mm between slices that are one

# Convolution kernels by their vendors' names. Numbered ones (Siemens H31s, Hr38; Toshiba FC21) go by number.
SHARP_NAMES = re.compile(r"BONE|EDGE|LUNG|SHARP|DETAIL|YC|YD|^[DEL]$", re.IGNORECASE)
SOFT_NAMES = re.compile(r"STAND|STD|SOFT|SMOOTH|BRAIN|HEAD|^U[ABC]$|^[ABC]$", re.IGNORECASE)
NUMBERED = re.compile(r"^(?P<letters>[A-Z]+)(?P<number>\d+)", re.IGNORECASE)
SIEMENS_SHARP = 50  # H60s, J70h, Hr59 and the like show bone
TOSHIBA_SHARP = ((30, 39), (50, 59), (80, 89))  # of FC numbers: bone, lung, inner ear
KINDS = ("soft", "unknown", "sharp")  # in the order in which they are taken


def find(folder, wanted=lambda place: True):
    """Returns ([Series], [(id, path, reason)] of DICOM files and archives that cannot be read).

    Args:
        folder: searched with its subfolders; or a file, such as a zip archive.
        wanted: Place -> whether it is looked at.
    """
    found, unreadable = collections.defaultdict(list), []
    with keeping_open() as archives:
        for place in filter(wanted, listed(folder)):
            tags = header(place, archives)
            if isinstance(tags, str):
                unreadable.append((Path(place.member or place.path).name, place.path, tags))
            elif tags is not None:
                found[_key(tags, place)].append((place, tags))
    return named([_series(*key[:2], files) for key, files in sorted(found.items())], folder), unreadable


def _key(tags, place):
    """(study, series, orientation, shape) as strings."""
    above = place.parents()[0]
    series = tags.series or f"{above}#{tags.number}"
    orientation = "" if tags.orientation is None else ",".join(f"{c:.{DECIMALS}f}" for c in tags.orientation)
    return tags.study or above, series, orientation.replace("-0.00", "0.00"), f"{tags.shape}"


def _series(study, uid, files):
    files = _once(files)
    places, positions, slices = _in_space(files)
    tags = files[0][1]
    reason = _unusable(tags, positions) or agreement.problem([each for _, each in files])
    return Series(
        "", "", study, uid, places, positions, tags.number, tags.kernel, tags.shape, tags.patient, reason, slices,
        tags.orientation, tags.pixel,
    )


def _once(files):
    """The files without copies, which have the same name and place."""
    found = {(tags.uid, tags.positions) if tags.uid else place: (place, tags) for place, tags in reversed(files)}
    return list(reversed(found.values()))


def _in_space(files):
    """(places, positions along the normal, slices) in rising order, each of them once."""
    places, planes = [], []
    across = normal(files[0][1].orientation)
    for place, tags in files:
        along = [float(np.dot(position, across)) for position in tags.positions]
        places.append((min(along, default=0.0), place))
        planes += zip(along, _slices(tags))
    planes.sort()
    positions = np.array([at for at, _ in planes])
    kept = np.flatnonzero(np.insert(np.diff(positions) > SAME_PLACE, 0, True)) if planes else ()
    return (
        tuple(place for _, place in sorted(places)),
        tuple(planes[index][0] for index in kept),
        tuple(planes[index][1] for index in kept),
    )


def _slices(tags):
    several = len(tags.positions) > 1 and tags.uid
    return [
        Slice(f"{tags.uid}/{frame}" if several else tags.uid, position)
        for frame, position in enumerate(tags.positions, 1)
    ]


def _unusable(tags, positions):
    """Why a series is no head CT volume, or ""."""
    if 0 in tags.shape:
        return "holds no image"
    if tags.modality and tags.modality != "CT":
        return f"modality {tags.modality}, not CT"
    if "LOCALIZER" in tags.kinds or "SCOUT" in tags.kinds:
        return "a localizer"
    if tags.sop_class.startswith(headers.SECONDARY) or tags.colours != 1:
        return "a secondary capture"
    if tags.orientation is None or not tags.positions:
        return "without position or orientation"
    lengths = np.linalg.norm(np.reshape(tags.orientation, (2, 3)), axis=1)
    if np.abs(lengths - 1).max() > 0.01 or abs(np.dot(tags.orientation[:3], tags.orientation[3:])) > 0.01:
        return "its orientation is no pair of perpendicular directions"
    if abs(normal(tags.orientation)[2]) < np.cos(np.radians(MAX_ANGLE)):
        return "not axial"
    if len(positions) < LEAST_SLICES:
        return f"{len(positions)} slices, at least {LEAST_SLICES} make a volume"
    return ""


def kernel_kind(name):
    """"soft", "sharp" or "unknown", by the vendor's name of a convolution kernel."""
    name = name.strip().strip("[]'\"").upper()
    numbered = NUMBERED.match(name)
    if numbered and numbered["letters"] == "FC":
        number = int(numbered["number"])
        return "sharp" if any(low <= number <= high for low, high in TOSHIBA_SHARP) else "soft"
    if numbered:
        return "sharp" if int(numbered["number"]) >= SIEMENS_SHARP else "soft"
    return "sharp" if SHARP_NAMES.search(name) else "soft" if SOFT_NAMES.search(name) else "unknown"


def choose(series, wanted="auto"):
    """Chooses from all series.

    Args:
        series: [Series] of any number of studies.
        wanted: "auto" takes the thinnest soft-tissue axial series of each study, "all" every usable one, otherwise
            series numbers with commas between, such as "2" or "2,4".

    Returns:
        ([Series] taken, [(id, path, reason)] of the others).
    """
    studies = collections.defaultdict(list)
    for each in series:
        studies[each.study].append(each)
    taken, others = [], []
    for group in studies.values():
        usable = [each for each in group if not each.reason]
        mine = _wanted(usable, wanted)
        taken += mine
        for each in group:
            if each not in mine:
                reason = each.reason or f"not chosen: {each.told()}" + (f"; {mine[0].told()} is" if mine else "")
                others.append((each.id, str(each), reason))
    return taken, others


def _wanted(usable, wanted):
    if wanted == "all" or not usable:
        return usable
    if wanted != "auto":
        numbers = {int(part) for part in wanted.split(",")}
        return [each for each in usable if each.number in numbers]
    longest = max(each.length for each in usable)
    whole = [each for each in usable if each.length >= COVERED * longest]
    return [min(whole, key=_rank)]


def _rank(series):
    number = float("inf") if series.number is None else series.number
    return KINDS.index(kernel_kind(series.kernel)), round(series.spacing, 2), -len(series.positions), number, series.id


def named(series, root):
    """The series with the names of their studies, and their ids."""
    names = _study_names(series, Path(root))
    usable = collections.Counter(each.study for each in series if not each.reason)
    found = []
    for each in series:
        name, alone = names[each.study]
        single = alone and usable[each.study] == 1 and not each.reason
        number = each.uid if each.number is None else each.number
        found.append(each._replace(name=name, id=name if single else f"{name}/{number}"))
    counts = collections.Counter(each.id for each in found)
    return [each._replace(id=f"{each.name}/{each.uid}") if counts[each.id] > 1 else each for each in found]


def _study_names(series, root):
    """{study: (name, whether a folder or archive holds it alone)}."""
    above, under = {}, collections.defaultdict(set)
    for each in series:
        for place in each.places:
            inside = [parent for parent in place.parents() if Path(parent) == root or root in Path(parent).parents]
            above[each.study] = [parent for parent in above.get(each.study, inside) if parent in inside]
            for parent in inside:
                under[parent].add(each.study)
    held = {}
    for study, parents in above.items():
        alone = [parent for parent in parents if under[parent] == {study}]
        below = [parent for parent in alone if Path(parent) != root or root.is_file()]
        held[study] = (below or alone or parents)[-1 if alone else 0], bool(alone)
    counts = collections.Counter(_short(at) for at, _ in set(held.values()))
    return {
        study: (_short(at) if counts[_short(at)] == 1 else _long(at, root), alone)
        for study, (at, alone) in held.items()
    }


def _short(parent):
    path = Path(parent).resolve()
    return path.stem if path.suffix.lower() == ZIP else path.name


def _long(parent, root):
    path = Path(parent).relative_to(root)
    return (path.with_suffix("") if path.suffix.lower() == ZIP else path).as_posix()
