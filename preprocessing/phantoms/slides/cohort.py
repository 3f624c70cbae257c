"""A folder of slide phantoms: slides, masks of the tumours, the label table."""

from pathlib import Path

import numpy as np

from ..cohort import write_table
from ..making import make_folder, run
from .files import write_slide
from .slide import SlidePhantom
from .tissue import LOCATIONS

COLUMNS = ("id", "label", "patient", "location", "extent")
IN_DISTRIBUTION = ("tubular", "airy", "fatty")  # three, as the paper's kidney, bronchus and lung, breast
PAIRED = 0.15  # share of slides that are the second one of their patient (our decision)


def draw_cohort(n, locations, prevalence, seed):
    """Who is who: n of (label, patient, location) in seeded order.

    Positives are the wanted share of all slides, and of each location's up to one slide. Some patients have two slides
    of their location, with labels of their own: tumour and normal tissue, as in an archive.
    """
    rng = np.random.default_rng([seed, n])
    place = np.sort(np.arange(n) % len(locations))
    label = np.diff(np.floor(np.arange(n + 1) * prevalence + 0.5)).astype(int)
    person, patients = np.zeros(n, int), 0
    for k in range(len(locations)):
        here = rng.permutation(np.flatnonzero(place == k))
        people = len(here) - round(PAIRED * len(here))
        person[here] = patients + np.arange(len(here)) % max(people, 1)
        patients += people
    return [(int(label[i]), f"patient-{seed}-{person[i]:04d}", locations[place[i]]) for i in rng.permutation(n)]


def make_cohort(
    out, n, size=4096, mpp=0.5, seed=0, locations=IN_DISTRIBUTION, prevalence=0.5, jobs=1, force=False, step=None
):
    """Writes n slide phantoms below `out`.

    Args:
        out: folder; a new one, or with `force` one whose slides are replaced.
        size: pixels along each side.
        mpp: micrometres a pixel.
        locations: names in LOCATIONS, shared out evenly.
        prevalence: share of slides with a tumour in [0, 1], of each location.
        jobs: processes. The files do not depend on it.
        step: called without arguments after every slide.
    """
    if n < 1 or not 0 <= prevalence <= 1:
        raise ValueError(f"Expected n >= 1 and a prevalence in [0, 1]. Received n={n}, prevalence={prevalence}.")
    unknown = [name for name in locations if name not in LOCATIONS]
    if unknown or not locations:
        raise ValueError(f"Expected locations of {', '.join(LOCATIONS)}. Received: {', '.join(unknown) or 'none'}.")
    if not 256 <= size * mpp or not 0.1 <= mpp <= 8:
        raise ValueError(
            f"Expected slides of at least 256 um with pixels of 0.1 to 8 um. Received: {size} pixels of {mpp:g} um."
        )
    out = Path(out)
    make_folder(out, force, ("slides", "masks"), ("labels.csv",))
    cohort = draw_cohort(n, locations, prevalence, seed)
    tasks = [(out, seed, index, size, mpp, *row) for index, row in enumerate(cohort)]
    rows = []
    for row in run(write_phantom, tasks, jobs):
        rows.append(row)
        if step:
            step()
    # Last, so that a folder with a label table is a whole one.
    write_table(out / "labels.csv", COLUMNS, rows)


def write_phantom(task):
    """Makes and writes one slide; returns its row of labels.csv."""
    from PIL import Image

    out, seed, index, size, mpp, label, patient, location = task
    phantom = SlidePhantom(seed, index, location, bool(label), (size, size), mpp)
    name = f"slide-{index:04d}"
    write_slide(out / "slides" / f"{name}.tif", phantom)
    tumour, section = phantom.truth()
    Image.fromarray(tumour.astype("u1") * 255).save(out / "masks" / f"{name}.png", optimize=True)
    return name, label, patient, location, f"{np.count_nonzero(tumour) / np.count_nonzero(section):.4f}"
