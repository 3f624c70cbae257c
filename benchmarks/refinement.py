"""Whether g of parida2021, the refinement of predicted masks by Felzenszwalb and Huttenlocher's segments, helps.

Slices are those of CT phantoms with a bleed. Their true masks are made smaller, larger and wrong in known ways, as a
segmenter's predictions might be, and refined; told are the mean Dice before and after, the mean difference with its
95 % interval by phantom, and in how many slices it fell. Constants are chosen on seeds of their own.

    python benchmarks/refinement.py --choose
    python benchmarks/refinement.py --out docs/results/refinement.csv
    python benchmarks/refinement.py --figure refinement.png
"""

import argparse
import itertools
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# All our decisions.
CHOOSING, REPORTED = (901, 902), (911, 912, 913)  # seeds of phantoms; no test uses them
PHANTOMS = 10  # a seed, of one type of bleed each, by turns
SLICES = 3  # a phantom
LEAST = 100.0  # mm2 of blood in a slice
AROUND = 15.0  # mm of a slice around the cavity: the skull and what of the scalp a mask may reach
NEAR, FAR = 2.0, 4.0  # mm that a mask is made smaller or larger
ROUGH = 4.0, 3.0  # mm: how long the waves of a noisy outline are, and how high
SEED_SHARE = 0.2  # of a mask's area, around its deepest pixel
GRID = {
    "darker": (5.0, 10.0, 15.0, 20.0, 1000.0), "keeps": (0.3, 0.5, 0.6, 0.7, 0.85),
    "joins": (0.05, 0.1, 0.15, 0.3, 0.5), "apart": (4.0, 6.0, 10.0), "scale": (10.0, 30.0, 100.0),
    "sigma": (0.25, 0.5, 0.8), "times": (1.0, 3.0, 8.0, 16.0), "least": (10.0, 20.0, 40.0), "width": (80.0, 130.0),
}
CUT = ("level", "width", "scale", "sigma", "least")  # the constants that segments depend on, in a Refinement first
SEGMENTS = {}
LEVELS = {80.0: 40.0, 130.0: 50.0}  # of the windows: brain and subdural


class Slice(NamedTuple):
    """Of a phantom: `hu` and `truth` (h, w), `pixel` in mm, and which phantom and type of bleed it is."""

    phantom: str
    kind: str
    hu: Any
    truth: Any
    pixel: float
    rng: tuple


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choose", action="store_true", help="choose constants instead, one after the other")
    parser.add_argument("--phantoms", type=int, default=PHANTOMS, help=f"a seed (default: {PHANTOMS})")
    parser.add_argument("--size", type=int, default=256, help="matrix (default: 256)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--out", help="CSV to write")
    parser.add_argument("--figure", help="PNG to draw of some slices")
    given = parser.parse_args(args)
    slices = made(CHOOSING if given.choose else REPORTED, given.phantoms, given.size, given.jobs)
    if given.choose:
        choose(slices)
        return 0
    if given.figure:
        draw(given.figure, slices)
        return 0
    rows = list(report(slices))
    if given.out:
        from benchmarks.common import write_csv

        write_csv(given.out, rows)
    return 0


def made(seeds, phantoms, size, jobs):
    """[Slice] of the phantoms of these seeds."""
    tasks = [(seed, index, size) for seed in seeds for index in range(phantoms)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return list(itertools.chain.from_iterable(pool.map(slices_of, tasks)))


def slices_of(task):
    """[Slice] of one phantom: evenly among its slices that show enough blood."""
    from preprocessing import orientation
    from preprocessing.phantoms import generate
    from preprocessing.phantoms.lesions import TYPES

    seed, index, size = task
    kind = index % len(TYPES)
    phantom = generate(seed, index, size, True, (kind + 1,))
    axes = orientation.axes_of(phantom.affine)
    volume, mask, cavity = (
        orientation.reorient(part, axes) for part in (phantom.volume, phantom.mask, phantom.brain)
    )
    pixel = float(phantom.spacing[0])
    enough = np.flatnonzero((mask > 0).sum(axis=(1, 2)) * pixel**2 >= LEAST)
    picked = np.unique(enough[np.linspace(0, len(enough) - 1, SLICES + 2).round().astype(int)[1:-1]])
    return [Slice(f"{seed}/{index}", TYPES[kind], volume[at][head].astype(np.float32), np.array(mask[at][head]), pixel,
                  (seed, index, int(at))) for at in picked for head in [box(cavity[at], pixel)]]


def box(cavity, pixel):
    """The part of a slice that holds the cranial cavity and what is around it; the rest is air and the table."""
    rows, columns = (np.flatnonzero(cavity.any(axis=axis)) for axis in (1, 0))
    margin = round(AROUND / pixel)
    return np.s_[max(0, rows[0] - margin):rows[-1] + margin, max(0, columns[0] - margin):columns[-1] + margin]


def deep(truth, pixel):
    """mm inside a mask's edge, negative outside, (h, w)."""
    inside = truth > 0
    return pixel * (ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside))


def half(one):
    """Of the mask, what lies on one side of a random line through its middle."""
    angle = np.random.default_rng(one.rng).uniform(0, 2 * np.pi)
    rows, columns = np.indices(one.truth.shape)
    along = rows * np.sin(angle) + columns * np.cos(angle)
    return along > np.median(along[one.truth > 0])


def seeded(one):
    """The deepest share of the mask, as a bleed of which the network only found the middle."""
    inner = deep(one.truth, one.pixel)
    return inner >= np.quantile(inner[one.truth > 0], 1 - SEED_SHARE)


def noisy(one):
    """The mask with an outline that wavers."""
    length, height = ROUGH
    wave = ndimage.gaussian_filter(np.random.default_rng(one.rng).normal(size=one.truth.shape), length / one.pixel)
    return deep(one.truth, one.pixel) + height * wave / wave.std() > 0


WRONG = {
    "as it is": lambda one: one.truth > 0,
    f"smaller by {NEAR:g} mm": lambda one: deep(one.truth, one.pixel) > NEAR,
    f"smaller by {FAR:g} mm": lambda one: deep(one.truth, one.pixel) > FAR,
    f"the deepest {SEED_SHARE:.0%}".replace("%", " %"): seeded,
    "one half": lambda one: (one.truth > 0) & half(one),
    f"larger by {NEAR:g} mm": lambda one: deep(one.truth, one.pixel) > -NEAR,
    f"larger by {FAR:g} mm": lambda one: deep(one.truth, one.pixel) > -FAR,
    "outline that wavers": noisy,
}
SMALL, LARGE = list(WRONG)[1:5], list(WRONG)[5:7]


def predicted(one, how):
    """The mask made wrong, with the class ids of the truth."""
    kind = np.bincount(one.truth[one.truth > 0]).argmax()
    return np.where(WRONG[how](one), kind, 0).astype(np.uint8)


def dice(mask, truth):
    """Of any bleeding; NaN where there is none in both."""
    total = np.count_nonzero(mask) + np.count_nonzero(truth)
    return 2 * np.count_nonzero((mask > 0) & (truth > 0)) / total if total else float("nan")


def refinements(slices, how, case, constants):
    """(before, after): Dice of each slice whose mask, made wrong, has a pixel left; and which slices these are."""
    from mil_tf.localization.felzenszwalb import moved

    found = []
    for place, one in enumerate(slices):
        mask = predicted(one, how)
        if mask.any():
            segments = segments_of(one, constants[:len(CUT)])
            after = moved(one.hu, mask, segments, case, constants)
            found.append((place, dice(mask, one.truth), dice(after, one.truth)))
    return np.array(found).T


def segments_of(one, constants):
    """The segments of a slice, cut once for each choice of the constants that they depend on."""
    from mil_tf.localization.felzenszwalb import DEFAULT, cut

    key = one.phantom, one.rng, constants
    if key not in SEGMENTS:
        SEGMENTS[key] = cut(one.hu, (one.pixel, one.pixel), DEFAULT._replace(**dict(zip(CUT, constants)))).astype("i4")
    return SEGMENTS[key]


def report(slices):
    """Yields a row a way of being wrong, case, and type of bleed (all of them first)."""
    from mil_tf.localization.felzenszwalb import DEFAULT

    for how, case in itertools.product(WRONG, ("grow", "shrink")):
        place, before, after = refinements(slices, how, case, DEFAULT)
        of = [slices[int(each)] for each in place]
        kinds = np.array([one.kind for one in of])
        phantoms = np.array([one.phantom for one in of])
        for kind in ("all", *dict.fromkeys(kinds.tolist())):
            mine = kinds == kind if kind != "all" else np.ones(len(kinds), bool)
            row = {"made": how, "case": case, "type": kind, **compared(before[mine], after[mine], phantoms[mine])}
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
            yield row


def compared(before, after, phantoms):
    """Mean Dice before and after, and the difference with its interval by phantom."""
    from mil_tf.evaluation.intervals import PatientBootstrap
    from mil_tf.evaluation.paired import resampled_difference
    from mil_tf.evaluation.versus import weighted_means

    change = after - before
    resampled = PatientBootstrap(phantoms)(lambda weights: weighted_means(weights, change[None]), phantoms)[0]
    count = len(np.unique(phantoms))
    gain = resampled_difference(change.mean(), resampled, count, "bootstrap by phantom")
    rounded = {name: round(float(value), 4) for name, value in (
        ("before", before.mean()), ("after", after.mean()), ("gain", gain.value), ("gain_low", gain.low),
        ("gain_high", gain.high), ("least_gain", change.min()))}
    return {"slices": len(before), "phantoms": count, **rounded, "worse": int((change < -0.001).sum())}


def choose(slices):
    """Once over GRID from the defaults: all values of a constant, the others as they are by then."""
    from mil_tf.localization.felzenszwalb import DEFAULT

    best, reached = DEFAULT, value_of(slices, DEFAULT)
    print(f"defaults {reached:.4f}", flush=True)
    for name, values in GRID.items():
        for value in values:
            tried = best._replace(**{name: value}, **({"level": LEVELS[value]} if name == "width" else {}))
            if tried != best:
                found = value_of(slices, tried)
                print(f"{name} {value:g}: {found:.4f}", flush=True)
                best, reached = (tried, found) if found > reached else (best, reached)
    print(f"chosen: {best}, {reached:.4f}")
    return best


def value_of(slices, constants):
    """What is chosen by: the mean Dice after g over masks too small grown, too large shrunk, and true ones by both."""
    told = [(how, "grow") for how in SMALL] + [(how, "shrink") for how in LARGE] * 2
    told += [("as it is", "grow"), ("as it is", "shrink")]
    return float(np.mean([refinements(slices, how, case, constants)[2].mean() for how, case in told]))


def draw(path, slices):
    """A row a slice, one of each type: truth, masks made wrong and refined."""
    from matplotlib.figure import Figure

    from mil_tf.localization.felzenszwalb import cut, refined

    shown = list({one.kind: one for one in slices}.values())
    told = [("", ""), ("smaller by 4 mm", "grow"), ("one half", "grow"), ("larger by 4 mm", "shrink")]
    figure = Figure(figsize=(4 * len(told), 4 * len(shown)), layout="constrained")
    for line, one in zip(figure.subplots(len(shown), len(told), squeeze=False), shown):
        for axes, (how, case) in zip(line, told):
            axes.imshow(one.hu, cmap="gray", vmin=0, vmax=80)
            axes.contour(one.truth > 0, [0.5], colors="#35e06a", linewidths=1)
            if how:
                mask = predicted(one, how)
                after = refined(one.hu, mask, case, pixel=(one.pixel, one.pixel))
                for part, colour in ((mask, "#ffa030"), (after, "#ff3030")):
                    if part.any():
                        axes.contour(part > 0, [0.5], colors=colour, linewidths=1)
                title = f"{how}, {case}: {dice(mask, one.truth):.2f} -> {dice(after, one.truth):.2f}"
            else:
                edges = cut(one.hu, (one.pixel, one.pixel))
                axes.contour(ndimage.morphological_gradient(edges, 2) > 0, [0.5], colors="#3080ff", linewidths=0.3)
                title = f"{one.kind}: truth and segments"
            axes.set(title=title, xticks=[], yticks=[])
    figure.savefig(path, dpi=60)


if __name__ == "__main__":
    sys.exit(main())
