"""Who is who: which mechanism or strain lies in which well of which plate, and what its treatment is.

As a screen: treatments in wells, the same layout on the three plates of a week, one plate a replicate. Field i of a
seed has its place whatever the number of fields: the classes take turns, then the replicates, then sites and wells.
"""

from dataclasses import dataclass

import numpy as np

from .localisations import LOCALISATIONS
from .looks import MECHANISMS

REPLICATES = 3  # as BBBC021 has them
SITES = 4  # at most, fields of a well, as BBBC021 has them
FIELDS = 8  # of a class on a plate; 288 or 240 fields a week (our decision)
STRAINS = 3  # of a localisation class and a week (our decision)
SECOND = 0.35  # share of strains whose protein sits in two compartments (our decision)
# Rows B to G, columns 02 to 11 of a plate of 96 wells: those at its edge are left empty, as in BBBC021.
WELLS = tuple(f"{row}{column:02d}" for row in "BCDEFG" for column in range(2, 12))
PLATES, BATCHES, STREAMS = 101, 102, 103  # of the seed's numbers

# Compounds and concentrations in micromolar that BBBC021 lists under each mechanism, and the share of the full effect
# that we give them; the strengths are our decision.
TREATMENTS = {
    "Actin disruptors": (("cytochalasin B", 10, 0.8), ("cytochalasin B", 30, 1.0), ("latrunculin B", 3, 0.9)),
    "Aurora kinase inhibitors": (("AZ-A", 0.3, 0.75), ("AZ-A", 10, 1.0), ("AZ258", 1, 0.85), ("AZ841", 1, 0.9)),
    "Cholesterol-lowering": (("mevinolin/lovastatin", 5, 0.8), ("simvastatin", 20, 1.0)),
    "DNA damage": (("cisplatin", 10, 0.85), ("etoposide", 3, 0.8), ("etoposide", 10, 0.95), ("mitomycin C", 3, 1.0)),
    "DNA replication": (("camptothecin", 0.03, 0.9), ("floxuridine", 30, 1.0), ("methotrexate", 10, 0.75)),
    "Eg5 inhibitors": (("AZ-C", 0.1, 0.85), ("AZ-C", 1, 1.0), ("AZ138", 1, 0.9)),
    "Epithelial": (("AZ-J", 10, 0.95), ("AZ-U", 10, 1.0), ("PP-2", 3, 0.75)),
    "Kinase inhibitors": (("alsterpaullone", 3, 0.95), ("PD-169316", 10, 0.8)),
    "Microtubule destabilizers": (
        ("colchicine", 0.03, 0.85), ("demecolcine", 3, 0.95), ("nocodazole", 3, 0.9), ("vincristine", 1, 1.0),
    ),
    "Microtubule stabilizers": (("docetaxel", 0.3, 0.9), ("epothilone B", 1, 1.0), ("taxol", 1, 0.85)),
    "Protein degradation": (("ALLN", 3, 0.75), ("MG-132", 3, 1.0), ("proteasome inhibitor I", 3, 0.9)),
    "Protein synthesis": (("anisomycin", 1, 0.9), ("cyclohexamide", 50, 1.0), ("emetine", 0.3, 0.8)),
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a field comes from and what was done there.

    Attributes:
        labels: its classes, sorted.
        plate, well, site, replicate: as the tables have them.
        week: number of the batch from 0.
        compound, concentration: of the treatment; the strain's name and None for yeast.
        strength: of the treatment; 1 the full effect.
    """

    labels: tuple
    plate: str
    well: str
    site: int
    replicate: int
    week: int
    compound: str
    concentration: float = None
    strength: float = 1.0

    @property
    def id(self):
        """PLATE_WELL_sSITE, as `preprocessing fields` names it."""
        return f"{self.plate}_{self.well}_s{self.site}"


def place_of(kind, seed, index):
    """The Place of field `index` of a cohort of a kind, `mechanisms` or `localisation`."""
    classes = sorted(MECHANISMS if kind == "mechanisms" else LOCALISATIONS)
    turn, own = divmod(index, len(classes))
    turn, replicate = divmod(turn, REPLICATES)
    slots = _slots(kind, seed, own, classes[own])
    week, slot = divmod(turn, len(slots))
    number, site = slots[slot]
    # Every seed has plates of its own: no two cohorts share a well.
    batch = {"mechanisms": "Week", "localisation": "Yeast"}[kind]
    plate = f"{batch}{week + 1}_{1000 * seed + REPLICATES * week + replicate + 1:04d}"
    common = plate, _wells(seed, week)[4 * own + number], site, replicate + 1, week
    if kind == "localisation":
        strain = f"strain-{seed}-{week + 1}-{len(classes) * number + own:02d}"
        return Place(_labels(classes, seed, week, own, number), *common, strain)
    return Place((classes[own],), *common, *TREATMENTS[classes[own]][number])


def _slots(kind, seed, own, name):
    """[(number of the treatment, site)] of a class in a week: FIELDS in wells of one to SITES, one of each first.

    All classes have as many, so that no week is of a few classes only: plates could tell the class.
    """
    rng = np.random.default_rng([seed, PLATES, own])
    sites = np.ones(len(TREATMENTS[name]) if kind == "mechanisms" else STRAINS, int)
    while sites.sum() < FIELDS:
        sites[rng.choice(np.flatnonzero(sites < SITES))] += 1
    return [(number, site) for site in range(1, SITES + 1) for number in range(len(sites)) if site <= sites[number]]


def _wells(seed, week):
    """Names of a week's wells in drawn order; its three plates share it."""
    return np.random.default_rng([seed, PLATES, 1000 + week]).permutation(WELLS).tolist()


def _labels(classes, seed, week, own, number):
    """The classes of a strain: its own, and by chance one more."""
    rng = np.random.default_rng([seed, PLATES, 2000 + week, own, number])
    others = [name for name in classes if name != classes[own]]
    second = [others[rng.integers(len(others))]] if rng.random() < SECOND else []
    return tuple(sorted([classes[own], *second]))


def batch_rng(seed, place):
    """Generator of what a plate's staining and imaging have in common."""
    return np.random.default_rng([seed, BATCHES, place.week, place.replicate])


def field_rngs(seed, index):
    """Four Generators of a field: who is there, where, how they are drawn, the camera."""
    return [np.random.default_rng(s) for s in np.random.SeedSequence([seed, STREAMS, index]).spawn(4)]
