"""Splits of images with several classes, by whole groups: the well of a plate, a plate, or a replicate (kraus2016).

A group is in one split only, and every class has its share of images in each split as far as whole groups allow: the
rarest class is dealt first, each of its groups to the split that lacks most of it, and no split stays without a class
that has groups enough for all (iterative stratification, Sechidis et al. 2011, with groups in place of examples).

Kraus et al. sampled 15 % of the images to train and validate, about 300 to train, and tested on all images of the
screen (section 4.1); their held-out repetition leaves out those of repetitions that were sampled (table 2). So here the
fraction that is not test is for training and validation together, and a held-out replicate is test as a whole.
"""

import collections
from typing import NamedTuple

import numpy as np

from preprocessing.cohort import TEST_FRACTION, Split, shuffled
from preprocessing.errors import UsageError

WELL, PLATE, REPLICATE = BY = ("well", "plate", "replicate")
# Of the images that are not test: 15 % of 2,528 are 379, of which "approximately 300" trained (kraus2016, section 4.1).
VALIDATION_FRACTION = 0.2
VALIDATION = 0  # the one fold
PLACES = ("train", "test", VALIDATION)  # which gets a class first that has too few groups for all
NAMES = {"train": "train", VALIDATION: "validation", "test": "test"}
ALL = ""  # in place of a class, which never has an empty name


class Image(NamedTuple):
    """One image: its id, the well that no split may cut, the names of its classes, and what else is known of it."""

    id: str
    patient: str
    classes: tuple
    meta: dict


def images(dataset):
    """[Image] of a data set."""
    from tfrecords import reader

    names = dataset.info["classes"]
    return [
        Image(row.id, row.patient, tuple(name for name, one in zip(names, row.label) if one == 1),
              reader.read_fields(dataset.folder, row).meta or {})
        for row in dataset.rows
    ]


def drawn(images, args):
    """Returns the Split that a command's arguments ask for; `by`, `hold_out`, `test_fraction`, `train_fraction`,
    `validation_fraction` and `seed`, None where not given. Raises UsageError where they do not fit.
    """
    by = args.by or WELL
    if (by == REPLICATE) != bool(args.hold_out):
        raise UsageError("Expected --by replicate and --hold-out together. Received: one without the other.")
    validation = VALIDATION_FRACTION if args.validation_fraction is None else args.validation_fraction
    if by == REPLICATE:
        if args.test_fraction is not None or args.train_fraction is not None:
            raise UsageError("--by replicate: Expected no fraction of test, which is what is held out. Received: one.")
        return hold_out(images, set(args.hold_out), validation, args.seed)
    if args.test_fraction is not None and args.train_fraction is not None:
        raise UsageError("Expected --test-fraction or --train-fraction, as one is 1 less the other. Received: both.")
    test = TEST_FRACTION if args.test_fraction is None else args.test_fraction
    test = test if args.train_fraction is None else 1 - args.train_fraction
    return draw(images, by, test, validation, args.seed)


def draw(images, by=WELL, test_fraction=TEST_FRACTION, validation_fraction=VALIDATION_FRACTION, seed=0):
    """Returns the `preprocessing.cohort.Split` of [Image] in one fold; the same images in any order and the same seed
    give the same.

    Args:
        images: [Image].
        by: WELL or PLATE, what is kept whole.
        test_fraction: of the images; 0 where the test set is another data set.
        validation_fraction: of the images that are not test.
        seed: of the draw.

    Raises:
        UsageError: a fraction is none, an image's plate is not known, a well lies on two plates, or a part stays empty.
    """
    if not 0 <= test_fraction < 1:
        raise UsageError(f"Expected a fraction in [0, 1) for test, (0, 1] for train. Received: test {test_fraction:g}.")
    shares = {**_shares(validation_fraction, 1 - test_fraction), "test": test_fraction}
    groups = _groups(images, (lambda image: image.patient) if by == WELL else (lambda image: _meta(image, by)))
    shares = {name: share for name, share in shares.items() if share}
    return _checked(images, deal(groups, shares, seed), shares)


def hold_out(images, replicates, validation_fraction=VALIDATION_FRACTION, seed=0):
    """Returns the Split whose test set is all images of the named replicates, and no other; the rest is dealt to
    training and validation by well.

    Args:
        images: [Image].
        replicates: set of their names.
        validation_fraction: of the images that are not held out.
        seed: of the draw.

    Raises:
        UsageError: a replicate is not known, or a well has images of several, or nothing is left.
    """
    found = {_meta(image, REPLICATE) for image in images}
    if not replicates < found:
        received = ", ".join(sorted(replicates - found)) or "all of them"
        raise UsageError(f"--hold-out: Expected some of {', '.join(sorted(found))}. Received: {received}.")
    _groups(images, lambda image: _meta(image, REPLICATE))  # that no well has two
    held = [image for image in images if _meta(image, REPLICATE) in replicates]
    others = [image for image in images if _meta(image, REPLICATE) not in replicates]
    place = deal(_groups(others, lambda image: image.patient), _shares(validation_fraction, 1), seed)
    return _checked(images, {**place, **{image.id: "test" for image in held}}, PLACES)


def deal(groups, shares, seed):
    """{id: place} of all images of the groups.

    Args:
        groups: {name: [Image]}.
        shares: {place of PLACES: share of the images}.
        seed: of the draw.
    """
    left = {name: _counted(group) for name, group in groups.items()}
    order = shuffled(sorted(left), np.random.default_rng(seed))
    order.sort(key=lambda name: -len(groups[name]))  # the largest first, as the small ones mend what is uneven
    needs = {each: {place: share * count for place, share in shares.items()}
             for each, count in sum(left.values(), collections.Counter()).items()}
    lacking = {each: [place for place in PLACES if place in shares] for each in needs}
    places = {}
    while len(places) < len(groups):
        rarest = _rarest([left[name] for name in order if name not in places])
        mine = [name for name in order if name not in places and rarest in left[name]]
        for index, name in enumerate(mine):
            places[name] = place = _neediest(rarest, len(mine) - index, needs, lacking)
            for each, count in left[name].items():
                needs[each][place] -= count
                lacking[each] = [other for other in lacking[each] if other != place]
    return {image.id: place for name, place in places.items() for image in groups[name]}


def summary(images, split):
    """The lines of the table, and of which classes are missing somewhere."""
    parts = collections.defaultdict(list)
    for image in images:
        if image.id in split.place:
            parts[NAMES[split.place[image.id]]].append(image)
    names = [name for name in ("train", "validation", "test") if name in parts]
    classes = sorted({each for part in parts.values() for image in part for each in image.classes})
    width = max(map(len, (*classes, "class")))
    lines, missing = [f"{'class':<{width}}" + "".join(f"{name:>16}" for name in names) + "   images (wells)"], []
    for each in (*classes, ALL):
        cells = [[image for image in parts[name] if each in (*image.classes, ALL)] for name in names]
        lines.append(f"{each or 'all':<{width}}" + "".join(f"{_cell(cell):>16}" for cell in cells))
        missing += [f"No image of {each} is in {name}." for name, cell in zip(names, cells) if not cell]
    return lines + missing


def _shares(validation_fraction, of):
    if not 0 < validation_fraction < 1:
        raise UsageError(f"Expected a validation fraction in (0, 1). Received: {validation_fraction:g}.")
    return {"train": of * (1 - validation_fraction), VALIDATION: of * validation_fraction}


def _groups(images, key):
    """{name: [Image]}. Raises UsageError where a well would be cut."""
    groups, of = {}, {}
    for image in sorted(images, key=lambda image: image.id):
        name = key(image)
        groups.setdefault(name, []).append(image)
        if of.setdefault(image.patient, name) != name:
            raise UsageError(
                f"Expected wells of one group. Received: {image.patient!r}, in {of[image.patient]!r} and {name!r}."
            )
    return groups


def _meta(image, name):
    value = image.meta.get(name)
    if value in (None, ""):
        raise UsageError(f"--by {name}: Expected images whose {name} is known. Received: {image.id}, without.")
    return str(value)


def _counted(images):
    """{class, and ALL: how many images}."""
    return collections.Counter(each for image in images for each in (*image.classes, ALL))


def _rarest(counters):
    """The class that the fewest of these images have, by name where several do; ALL where none has any."""
    total = sum(counters, collections.Counter())
    return min(total, key=lambda each: (each == ALL, total[each], each))


def _neediest(each, groups, needs, lacking):
    """The place of the next of so many groups of a class."""
    if len(lacking[each]) >= groups:
        return lacking[each][0]
    return max(needs[each], key=lambda place: (needs[each][place], needs[ALL][place], -PLACES.index(place)))


def _checked(images, place, parts):
    """The Split. Raises UsageError where one of the parts is empty or training lacks a class."""
    empty = [NAMES[part] for part in PLACES if part in parts and part not in place.values()]
    if empty:
        raise UsageError(
            f"Expected images of each class for training, and some for {empty[-1]}. "
            f"Received: {len(images)}, of which whole groups leave none; keep smaller groups, or more images."
        )
    trained = {each for image in images if place[image.id] == "train" for each in image.classes}
    lacking = sorted({each for image in images for each in image.classes} - trained)
    if lacking:
        raise UsageError(
            f"Expected images of every class in training. Received: none of {lacking[0]!r}; hold out or leave out less."
        )
    return Split(place, [], 1)


def _cell(images):
    return f"{len(images)} ({len({image.patient for image in images})})"
