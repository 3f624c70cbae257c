"""What cells of every phenotype look like: numbers that the drawing of nuclei and cytoplasm takes.

The mechanisms are those of BBBC021 (Caie et al. 2010, Ljosa et al. 2013). What each does to a cell is cell biology of
textbooks, drawn large; the numbers are our decision. Lengths are units, pixels at scale 1.
"""

from typing import NamedTuple

import numpy as np


class Look(NamedTuple):
    """One phenotype; the defaults are an untreated cell.

    Attributes:
        radius, longer, lobes, spikes: of the cell, see `geometry.draw_shape`.
        nuclei: their mean number.
        nucleus, stretched, dented: radius, ratio of axes and lobes of each.
        unequal: relative spread of their sizes.
        apart: how far from each other several lie; 1 touches.
        aside: how far they lie from the cell's centre, relative to its radius.
        dna: of the cell in all, relative: it is shared out over the nuclei's area.
        chromatin, grain: strength and main wave of its texture.
        nucleoli: depth of the holes in it.
        foci: strength of bright dots in it.
        rosette, bar: share of chromosomes in a ring, in a plate.
        microtubules, bend: strength of the rays, and how they wander.
        tubulin: diffuse share.
        perinuclear: strength around the nucleus.
        bundles: strength of thick cables along the cell.
        aster: strength of one spot in the middle.
        spindle: strength of two spots beside a plate of chromosomes.
        aggresome: strength of one clump beside the nucleus.
        cortex, stress, actin: strength of the rim, of straight fibres, of the diffuse share.
        clumps, puncta, ruffles: strength of coarse lumps, of dots, of one wavy side.
        vacuoles: how dark holes in the cytoplasm are.
        together: share of cells that touch another.
        near: how near centres come, of the sum of both radii; less presses cells flat.
        dense: cells in a field, relative.
    """

    radius: float = 25.0
    longer: float = 1.25
    lobes: float = 0.09
    spikes: float = 0.0
    nuclei: float = 1.0
    nucleus: float = 11.0
    stretched: float = 1.2
    dented: float = 0.04
    unequal: float = 0.1
    apart: float = 1.0
    aside: float = 0.12
    dna: float = 1.0
    chromatin: float = 0.16
    grain: float = 9.0
    nucleoli: float = 0.45
    foci: float = 0.0
    rosette: float = 0.0
    bar: float = 0.0
    microtubules: float = 0.9
    bend: float = 9.0
    tubulin: float = 0.3
    perinuclear: float = 0.5
    bundles: float = 0.0
    aster: float = 0.0
    spindle: float = 0.0
    aggresome: float = 0.0
    cortex: float = 0.7
    stress: float = 0.35
    actin: float = 0.3
    clumps: float = 0.0
    puncta: float = 0.05
    ruffles: float = 0.0
    vacuoles: float = 0.0
    together: float = 0.6
    near: float = 0.8
    dense: float = 1.0


UNTREATED = Look()
DIVIDING = Look(
    radius=16.0, longer=1.1, lobes=0.02, nucleus=7.5, dna=2.0, nucleoli=0.0, bar=1.0, microtubules=0.15, tubulin=0.5,
    perinuclear=0.0, spindle=1.6, cortex=1.3, stress=0.0, actin=0.6, aside=0.03,
)  # fmt: skip
MECHANISMS = {
    "Actin disruptors": Look(
        radius=20.0, longer=1.3, lobes=0.16, spikes=0.6, nucleus=10.5, nuclei=1.3, microtubules=0.7, tubulin=0.45,
        cortex=0.05, stress=0.0, actin=0.18, clumps=2.6, together=0.35, dense=0.85,
    ),
    "Aurora kinase inhibitors": Look(
        radius=33.0, longer=1.15, nucleus=18.0, stretched=1.25, dented=0.3, dna=2.6, chromatin=0.22, cortex=0.6,
        stress=0.45, together=0.45, dense=0.8,
    ),
    "Cholesterol-lowering": Look(
        radius=20.0, longer=3.4, lobes=0.05, spikes=1.1, nucleus=9.5, stretched=1.7, microtubules=0.4, bundles=0.7,
        tubulin=0.35, cortex=0.45, stress=0.1, actin=0.45, puncta=0.5, together=0.25, dense=0.9,
    ),
    "DNA damage": Look(
        radius=33.0, longer=1.2, nucleus=17.0, stretched=1.15, dented=0.03, dna=1.7, chromatin=0.08, grain=16.0,
        nucleoli=0.85, stress=1.1, cortex=0.45, perinuclear=0.3, together=0.4, dense=0.8,
    ),
    "DNA replication": Look(
        radius=27.0, longer=1.6, nucleus=14.0, stretched=1.5, dna=1.5, chromatin=0.3, grain=5.0, nucleoli=0.1, foci=1.5,
        tubulin=0.25, perinuclear=1.1, stress=0.2, cortex=0.5, together=0.5,
    ),
    "Eg5 inhibitors": Look(
        radius=16.0, longer=1.05, lobes=0.02, nucleus=9.0, stretched=1.05, dna=2.0, nucleoli=0.0, rosette=1.0,
        microtubules=0.35, bend=3.0, tubulin=0.4, perinuclear=0.0, aster=2.6, cortex=1.2, stress=0.0, actin=0.5,
        aside=0.03, together=0.3,
    ),
    "Epithelial": Look(
        radius=21.0, longer=1.08, lobes=0.04, nucleus=9.5, stretched=1.05, dented=0.02, microtubules=0.6, bend=14.0,
        tubulin=0.4, cortex=2.4, stress=0.0, actin=0.15, puncta=0.0, aside=0.05, together=0.97, near=0.66, dense=1.25,
    ),
    "Kinase inhibitors": Look(
        radius=29.0, longer=1.5, lobes=0.16, nucleus=11.5, aside=0.42, microtubules=1.0, bend=5.0, tubulin=0.15,
        cortex=0.15, stress=0.0, actin=0.25, ruffles=2.4, together=0.15, dense=0.9,
    ),
    "Microtubule destabilizers": Look(
        radius=21.0, longer=1.1, lobes=0.07, nuclei=4.6, nucleus=9.5, stretched=1.15, unequal=0.5, apart=1.4,
        dna=1.4, chromatin=0.1, nucleoli=0.15, microtubules=0.0, tubulin=0.9, perinuclear=0.1, cortex=0.9, stress=0.15,
        together=0.4, dense=0.85,
    ),
    "Microtubule stabilizers": Look(
        radius=29.0, longer=1.35, nuclei=2.9, nucleus=12.5, unequal=0.15, dna=2.0, nucleoli=0.3, microtubules=0.05,
        tubulin=0.15, perinuclear=0.1, bundles=2.3, cortex=0.5, stress=0.3, together=0.4, dense=0.85,
    ),
    "Protein degradation": Look(
        radius=24.0, longer=1.3, nucleus=11.5, stretched=1.3, dented=0.14, aside=0.25, nucleoli=0.2, microtubules=0.35,
        tubulin=0.3, perinuclear=0.2, aggresome=3.0, cortex=0.5, stress=0.1, vacuoles=0.95, together=0.5,
    ),
    "Protein synthesis": Look(
        radius=17.5, longer=1.15, lobes=0.06, nucleus=9.5, stretched=1.08, dented=0.02, dna=0.9, chromatin=0.03,
        nucleoli=0.0, microtubules=0.15, tubulin=0.25, perinuclear=1.3, cortex=0.25, stress=0.0, actin=0.55,
        puncta=0.7, together=0.55, dense=1.1,
    ),
}  # fmt: skip


def mixed(look, strength):
    """A Look `strength` of the way from an untreated cell to `look`."""
    return Look(*(plain + strength * (full - plain) for plain, full in zip(UNTREATED, look)))


def varied(rng, look, spread=0.12):
    """The Look of one cell: sizes and strengths that differ from cell to cell."""
    factor = np.exp(spread * rng.standard_normal(len(look)))
    found = Look(*(number * share for number, share in zip(look, factor)))
    # Shares of chromosomes stay shares.
    return found._replace(
        rosette=min(found.rosette, 1.0), bar=min(found.bar, 1.0), vacuoles=min(found.vacuoles, 1.0),
        longer=max(found.longer, 1.0), stretched=max(found.stretched, 1.0),
    )  # fmt: skip
