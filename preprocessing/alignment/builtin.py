"""The head that is always there: the middle of all phantoms, upright, for --align rigid without a template.

It is also the bridge to a template that is a brain alone: a whole head shows its pose better, and its brain cannot be
extracted well before it is upright.
"""

import functools

import numpy as np

from preprocessing.alignment.views import view
from preprocessing.phantoms.anatomy import draw_head
from preprocessing.phantoms.distractors import draw_distractors
from preprocessing.phantoms.phantom import render
from preprocessing.phantoms.scanner import Scan

SIZE, STEP = 128, 2.0  # pixels, mm: finer than any view
BOTTOM, TOP = -60.0, 96.0  # mm of the head's own frame, from the level of the foramen magnum to the vertex's skin
QUIET = {
    "noise": 0.0, "kernel": 0.4, "cupping": 0.0, "rim": 10.0, "streak": 0.0, "streak_phase": 0.0, "padding": 0.0,
    "holder": False, "motion": 0.0, "gain": 1.0, "vertex": 10.0,
}


class Middle:
    """A generator of chance whose draws are the middle of their range; what is rare is absent."""

    def uniform(self, low, high, size=None):
        return np.full(size, (low + high) / 2) if size else (low + high) / 2

    def normal(self, mean, spread, size=None):
        return np.full(size, float(mean)) if size else float(mean)

    def beta(self, a, b):
        return a / (a + b)

    def random(self):
        return 1.0

    def choice(self, options):
        return options[-1]


@functools.lru_cache(maxsize=1)
def head():
    """(slices (n, h, w) in HU, bool of its cranial cavity, matrix that takes (column, row, slice, 1) to mm)."""
    middle = Middle()
    drawn = draw_head(middle)
    drawn.number.update(draw_distractors(middle))
    count = int((TOP - BOTTOM) / STEP)
    scan = Scan(SIZE, STEP, STEP, STEP, count, BOTTOM, np.eye(3), np.zeros(2), (1, 1, 1), QUIET)
    volume, _, cavity = render(drawn, scan, [], np.random.default_rng(0))
    matrix = np.diag([STEP, STEP, STEP, 1.0])
    matrix[:3, 3] = -(SIZE - 1) / 2 * STEP, -(SIZE - 1) / 2 * STEP, BOTTOM
    return volume, cavity > 0, matrix


@functools.lru_cache(maxsize=1)
def views():
    """(View of the head, View of its brain)."""
    volume, cavity, matrix = head()
    return view(volume, matrix), view(volume, matrix, cavity)
