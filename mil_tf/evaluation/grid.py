"""Which runs below a folder are one grid: the same method and data at several sizes, folds and seeds.

Runs of different recipes, options or data are never mixed: each kind is a grid of its own. Within a grid, models that
are to be compared must answer for the same bags, so of every fold the commonest test set counts, and what lies outside
it is named.
"""

import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from mil_tf.evaluation.cohort import Score

PLACE = re.compile(r"bags-(?P<bags>\d+)/fold-(?P<fold>\d+)/seed-(?P<seed>\d+)$")
# What two runs must share to be of one grid, with the words that tell two grids apart.
IDENTITY = ("recipe", "variant", "options", "data", "preprocessing")


class Member(NamedTuple):
    """One finished run of a grid; `score` is that of the cohort that answers."""

    run: Path
    bags: int
    fold: int
    seed: int
    config: dict
    score: Score

    @property
    def place(self):
        """Where it stands in the grid, in words."""
        return _place(self.bags, self.fold, self.seed)


class Grid(NamedTuple):
    """Runs of one method on one data set.

    `label` tells it from the other grids of the folder, "" where it is the only one. `members` are in the order
    of size, fold, seed. `missing` and `set_aside` name the places without an answer, and the runs that cannot stand
    beside the others, each in a line. `common_test` is whether all models answer for the same bags.
    """

    label: str
    members: list
    missing: list
    set_aside: list
    common_test: bool

    @property
    def sizes(self):
        """Numbers of training bags, ascending."""
        return sorted({member.bags for member in self.members})

    def at(self, bags):
        """The members of one size."""
        return [member for member in self.members if member.bags == bags]


def find_grids(results, unfinished=()):
    """Sort runs into grids.

    Args:
        results: (run folder, its config, Score) of every finished run.
        unfinished: (run folder, its config, what is known of it) of the others; they are named where they are missing.

    Returns:
        (grids, runs that have no place in one: neither config.json nor folder tells size, fold and seed).
    """
    placed = [(Path(run), config, _coordinates(run, config), score) for run, config, score in results]
    strangers = [run for run, _, place, _ in placed if place is None]
    placed = [one for one in placed if one[2] is not None]
    begun = [(_kind(run, config), _coordinates(run, config), why) for run, config, why in unfinished]
    kinds = {}
    for run, config, place, score in placed:
        kinds.setdefault(_kind(run, config), []).append(Member(run, *place, config, score))
    labels = _labels([members[0] for members in kinds.values()])
    return [_grid(label, kind, members, begun) for label, (kind, members) in zip(labels, kinds.items())], strangers


def _coordinates(run, config):
    """(bags, fold, seed) as config.json has them, else as the folder's name has, else None."""
    if all(isinstance(config.get(name), int) for name in ("bags", "fold", "seed")):
        return config["bags"], config["fold"], config["seed"]
    found = PLACE.search(Path(run).as_posix())
    return tuple(map(int, found.groups())) if found else None


def _kind(run, config):
    """What runs of one grid share, as text; of runs without a config the folder above them."""
    if not config:
        return str(Path(run).parents[2])
    facts = {name: _fact(config, name) for name in IDENTITY}
    return json.dumps(facts, sort_keys=True)


def _fact(config, name):
    """Of the data the shards alone: each fold has splits of its own, and a folder can be moved."""
    return (config.get("data") or {}).get("shards") if name == "data" else config.get(name)


def _grid(label, kind, members, begun):
    members, aside = _one_a_place(sorted(members, key=lambda member: (member[1:4], str(member.run))))
    members, strangers = _commonest_tests(members)
    here = {place: why for other, place, why in begun if place and other == kind}
    tests = {_test_set(member) for member in members}
    return Grid(label, members, _missing(members, here), aside + strangers, len(tests) == 1)


def _one_a_place(members):
    kept, aside = {}, []
    for member in members:
        first = kept.setdefault(member[1:4], member)
        if first is not member:
            aside.append(f"{member.run}: {member.place} is taken by {first.run}")
    return list(kept.values()), aside


def _commonest_tests(members):
    """(members of the commonest test set of their fold, a line for each of the others)."""
    tests = {member.run: _test_set(member) for member in members}
    votes = Counter(tests.values())
    chosen = {}
    for member in members:
        fold = Counter(tests[other.run] for other in members if other.fold == member.fold)
        # Of equally common ones that which more runs of the grid have.
        chosen[member.fold] = max(fold, key=lambda test: (fold[test], votes[test]))
    kept = [member for member in members if tests[member.run] == chosen[member.fold]]
    aside = [f"{member.place}: another test set ({member.score.sample})" for member in members if member not in kept]
    return kept, aside


def _test_set(member):
    table = member.score.predictions
    rows = sorted(zip(table.id.tolist(), table.y_true.tolist()))
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _missing(members, begun):
    """A line for each place of the full grid that no member holds."""
    held = {member[1:4] for member in members}
    known = held | set(begun)
    sizes, folds, seeds = (sorted({place[axis] for place in known}) for axis in range(3))
    full = [(bags, fold, seed) for bags in sizes for fold in folds for seed in seeds]
    return [f"{_place(*place)}: {begun.get(place, 'no run')}" for place in full if place not in held]


def _place(bags, fold, seed):
    return f"{bags} bags, fold {fold}, seed {seed}"


def _labels(firsts):
    """For each grid, by its first member, what tells it from the others."""
    if len(firsts) < 2:
        return [""] * len(firsts)
    facts, told = [_flat(member) for member in firsts], [[] for _ in firsts]
    for name in dict.fromkeys(key for fact in facts for key in fact):
        values = [str(fact.get(name)) for fact in facts]
        if len(set(values)) > 1 and len({", ".join(words) for words in told}) < len(firsts):
            told = [[*words, _said(name, value)] for words, value in zip(told, values)]
    return _numbered([", ".join(words) for words in told])


def _flat(member):
    config = member.config
    if not config:
        return {"recipe": str(member.run.parents[2].name)}
    data = config.get("data") or {}
    return {"recipe": config.get("recipe"), "variant": config.get("variant"), **(config.get("options") or {}),
            "data": data.get("folder"), "shards": str(data.get("shards"))[:12],
            "preprocessing": (config.get("preprocessing") or {}).get("hash")}


def _said(name, value):
    return value if name in ("recipe", "variant") else f"{name}={value}"


def _numbered(labels):
    """The labels, with their number where nothing that was compared told two of them apart."""
    seen = Counter(labels)
    return [label if label and seen[label] == 1 else f"{label} ({place})" for place, label in enumerate(labels, 1)]
