"""How well maps of slides meet the pixels that are truly tumour, as lerousseau2020 scores them (section 4, Table 1).

AUC, precision, recall and specificity over all pixels of all slides whose truth is known, and over those of each
location: once without the background, where pixels of tissue alone count, and once with it, where a pixel of no tissue
scores below every other and its probability is 0. So do pixels of tissue for which the map has no answer. Intervals
are by patient.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from mil_tf.evaluation.intervals import PatientBootstrap, bootstrap_estimate
from mil_tf.evaluation.metrics import ONE_CLASS, Confusion
from mil_tf.evaluation.pixel_ranking import PairTable, bins_of, pair_auc

MEASURES = ("auc", "precision", "recall", "specificity")
MAPS = ("position", "tile")
REASONS = ONE_CLASS, "undefined: no pixel called", "undefined: no tumour", "undefined: all is tumour"
ALL = ""  # in place of a location: of all together


class SlideCounts(NamedTuple):
    """A slide's pixels: decisions on those of tissue, and what lies in the background.

    `auc` maps False and True (with background) to the slide's own AUC, NaN where it has one class; `unanswered` counts
    the pixels of tissue without an answer.
    """

    id: str
    patient: str
    location: str
    tissue: Confusion
    background: Confusion
    unanswered: int
    auc: dict

    def confusion(self, background):
        """The decisions on the pixels of tissue, or on all."""
        return Confusion(*map(sum, zip(self.tissue, self.background))) if background else self.tissue


class Part(NamedTuple):
    """The score of the slides of a location (ALL: of all), with background or without; `estimates` by MEASURES."""

    location: str
    background: bool
    slides: int
    patients: int
    estimates: dict


class Pixels(NamedTuple):
    """The score of a cohort's maps: `slides` lists SlideCounts, `parts` Part, those of ALL first.

    `threshold` is what decided, `map` one of MAPS: what a pixel scores is said of its position alone or of the tile
    about it.
    """

    slides: list
    parts: list
    threshold: float
    map: str

    @property
    def counts(self):
        """{"slides", "patients", "positives" (slides with tumour), "pixels", "tumour"}."""
        whole = np.sum([slide.confusion(True) for slide in self.slides], axis=0)
        return {"slides": len(self.slides), "patients": len({slide.patient for slide in self.slides}),
                "positives": sum(slide.confusion(True).tp + slide.confusion(True).fn > 0 for slide in self.slides),
                "pixels": int(whole.sum()), "tumour": int(whole[2] + whole[3])}

    @property
    def sample(self):
        """What stands behind the numbers, in words."""
        found = self.counts
        share = 100 * found["tumour"] / max(1, found["pixels"])
        return (f"{found['slides']} slides of {found['patients']} patients, {found['positives']} with tumour, "
                f"{found['pixels'] / 1e6:,.1f} megapixels, {share:.1f} % of them tumour")

    def part(self, location=ALL, background=False):
        """The Part of a location."""
        return next(each for each in self.parts if (each.location, each.background) == (location, background))

    def numbers(self):
        """As plain JSON values."""
        parts = [{"location": each.location or "all", "background": each.background, "slides": each.slides,
                  "patients": each.patients, **{name: e.numbers() for name, e in each.estimates.items()}}
                 for each in self.parts]
        return {"counts": self.counts, "threshold": self.threshold, "map": self.map, "parts": parts}

    def rows(self):
        """(metric, None, Estimate) of every number, flat, for a table."""
        for part in self.parts:
            of = f"_{part.location}" if part.location else ""
            prefix = "pixels_with_background" if part.background else "pixels"
            yield from ((f"{prefix}_{name}{of}", None, estimate) for name, estimate in part.estimates.items())

    def as_bags(self):
        """The counts under the names that they have in tables of bags, which slides are here."""
        counts = self.counts
        return {"bags": counts["slides"], "patients": counts["patients"], "positives": counts["positives"]}


class Slide(NamedTuple):
    """A slide to score; `pixels` is a function () -> SlidePixels, called twice, so that one slide is held at a time."""

    id: str
    patient: str
    location: str
    pixels: Callable


def score_pixels(slides, threshold, resamples=2000, seed=0, map="position"):
    """Scores the maps of slides.

    Args:
        slides: list of Slide, at least one.
        threshold: pixels of at least this probability are called tumour.
        resamples, seed: of the bootstrap by patient.
        map: one of MAPS, what the slides' scores are of.

    Returns:
        Pixels.
    """
    table = PairTable(bins_of(slide.pixels().score for slide in slides), len(slides))
    decisions, below = zip(*(_read(table, place, slide, threshold) for place, slide in enumerate(slides)))
    pairs = {False: table.pairs()}
    for place, (positive, negative) in enumerate(below):
        table.add_below(place, positive, negative)
    pairs[True] = table.pairs()
    counts = [_counts(place, slide, decisions[place], pairs) for place, slide in enumerate(slides)]
    parts = [_part(location, background, counts, pairs[background], resamples, seed)
             for location in _locations(slides) for background in (False, True)]
    return Pixels(counts, parts, threshold, map)


def _read(table, place, slide, threshold):
    """Counts a slide's pixels of tissue in the table; returns (decisions, what lies in the background)."""
    found = slide.pixels()
    table.add(place, found.score, found.positive, found.negative)
    table.add_below(place, *found.unanswered)
    called = expit(found.score) >= threshold
    (tp, fp), (fn, tn) = ([int(each[which].sum()) for each in (found.positive, found.negative)]
                          for which in (called, ~called))
    unanswered, background = found.unanswered.tolist(), found.background.tolist()
    tissue = Confusion(tn=tn + unanswered[1], fp=fp, fn=fn + unanswered[0], tp=tp)
    return (tissue, Confusion(tn=background[1], fp=0, fn=background[0], tp=0), sum(unanswered)), background


def _counts(place, slide, decisions, pairs):
    auc = {}
    for background, (right, positive, negative) in pairs.items():
        of = positive[place] * negative[place]
        auc[background] = float(right[place, place] / of) if of else float("nan")
    return SlideCounts(slide.id, slide.patient, slide.location, *decisions, auc)


def _locations(slides):
    """ALL, then each location where there are several."""
    named = sorted({slide.location for slide in slides})
    return [ALL, *named] if len(named) > 1 else [ALL]


def _part(location, background, counts, pairs, resamples, seed):
    mine = np.flatnonzero([location in (ALL, each.location) for each in counts])
    right, positive, negative = pairs[0][np.ix_(mine, mine)], pairs[1][mine], pairs[2][mine]
    confusions = np.array([counts[place].confusion(background) for place in mine], np.float64)
    patient = np.array([counts[place].patient for place in mine])
    bootstrap = PatientBootstrap(patient, resamples, seed)

    def measures(weights):
        return np.stack([pair_auc(right, positive, negative, weights), *rates(weights @ confusions)])

    values, resampled = measures(np.ones((1, len(mine))))[:, 0], bootstrap(measures, patient)
    patients = len(bootstrap.patients)
    estimates = {name: bootstrap_estimate(value, drawn, patients, reason)
                 for name, value, drawn, reason in zip(MEASURES, values, resampled, REASONS)}
    return Part(location, background, len(mine), patients, estimates)


def rates(confusions):
    """Precision, recall and specificity, float64 (3, ...), of tn, fp, fn, tp in the last axis; NaN for 0 / 0."""
    tn, fp, fn, tp = np.moveaxis(np.asarray(confusions, np.float64), -1, 0)
    with np.errstate(invalid="ignore"):
        return np.stack([tp / (tp + fp), tp / (tp + fn), tn / (tn + fp)])
