"""What a trained network of positions does after training: its detector is tuned and frozen, points are written.

Two fifths of the test patients tune, the others test (nemcek2021, section II-E), both named in the run's tables. Where
no boxes are known among them, as in RSNA's slices, the authors' detector stands in until the run is evaluated on a
cohort with boxes, as the paper does with CQ500: there it is tuned. On any further cohort the frozen detector finds
points, and all patients test but those that have tuned.
"""

import dataclasses
from pathlib import Path

import numpy as np
import tensorflow as tf

from mil_tf import runs
from mil_tf.evaluation import map_file
from mil_tf.evaluation.map_figure import shown
from mil_tf.export import FACTS
from mil_tf.localization.detector import Detector
from mil_tf.localization.located import POSITIVE
from mil_tf.localization.peaks import find_peaks, resized
from mil_tf.localization.tables import Slice, read_located, write_points
from mil_tf.localization.truth import boxes_of
from mil_tf.localization.tuning import TuningError, bayesian_optimization, bounds_of, parted, published_of, tune
from mil_tf.models.position_export import ExportedPositions
from mil_tf.options import OptionError
from mil_tf.training.scoring import CHUNK_PIXELS, fitting

FILE = "detector.json"


def check(options):
    """Raises OptionError where the detector cannot be tuned, before anything is trained."""
    if options["detector"] == "published":
        return
    try:
        bayesian_optimization()
    except TuningError as error:
        raise OptionError(f"{error}; or take the authors' optimum with --set detector=published.") from error


class Detecting:
    """Points of a network's maps.

    Args:
        models: `mil_tf.models.position_scorer.PositionModels`.
        options: of the recipe, resolved.
        seed: of the run.
    """

    def __init__(self, models, options, seed):
        mapper = models.mapper
        self._scorer, self._mapper, self._options, self._seed = models.scorer, mapper, options, seed
        self._forward = tf.function(
            lambda slices: mapper(slices, training=False), input_signature=[tf.TensorSpec([None, None, None, 1])]
        )

    def finish(self, folder, sources, show):
        """Tunes the detector on test patients, freezes it in detector.json and writes the points of all."""
        found = list(self.located(sources["test"]))
        told, used = self._chosen("test", found, show)
        runs.write_json(Path(folder) / FILE, told)
        self._write(folder, "test", sources["test"], found, told, used)

    def tables(self, folder, name, source):
        """Writes the points of another cohort by the run's frozen detector, which is tuned here where it is not yet."""
        found, told, used = list(self.located(source)), runs.read_json(Path(folder) / FILE), None
        if told["source"] == "published" and self._options["detector"] == "tuned":
            told, used = self._chosen(name, found, print)
            _freeze(folder, told)
        elif told["cohort"] == name:
            used = _uses(found, self._seed)
        else:
            used = _used_before(found, _tuners(folder, told["cohort"]))
        self._write(folder, name, source, found, told, used)

    def exported(self, folder):
        """(module, facts) for `mil_tf.export`."""
        told = runs.read_json(Path(folder) / FILE)
        return ExportedPositions(self._scorer, self._mapper), {"positions": _facts(told)}

    def located(self, source):
        """Yields a Slice of every slice of a source."""
        size = self._options["chunk"] or fitting(source.instance_shape, CHUNK_PIXELS, 256)
        for start in range(0, len(source), size):
            places = range(start, min(start + size, len(source)))
            slices = np.concatenate([source.take(place, [0]) for place in places]).astype(np.float32)
            answers = self._forward(slices)
            maps, probabilities = answers["map"].numpy()[..., 0], answers["probabilities"].numpy()[:, 1]
            for place, found, probability in zip(places, maps, probabilities):
                bag = _with_mask(source, place)
                yield Slice(
                    bag.id, bag.patient, int(source.labels[place, 0]), slices.shape[1:3], found, float(probability),
                    boxes_of(bag),
                )

    def _chosen(self, name, found, show):
        """(what detector.json tells, {patient: "tune" or "test"} or None where none tunes) of a cohort."""
        pooling = self._options["pooling"]
        told = {option: self._options[option] for option in ("pooling", "only_positive")}
        positions = found[0].map2d.size
        bounds = bounds_of(pooling, positions)
        told["bounds"] = bounds._asdict()
        try:
            tuned, used = self._tuned(found, bounds, show)
        except TuningError as error:
            show(f"detector: the authors' for {pooling} pooling ({error})")
            published = {"detector": published_of(pooling, positions)._asdict(), "source": "published"}
            return {**told, **published, "cohort": None, "dice_tuned": None, "trials": 0}, None
        chosen = {"detector": tuned.detector._asdict(), "source": "tuned", "cohort": name}
        return {**told, **chosen, "dice_tuned": tuned.dice, "trials": len(tuned.trials)}, used

    def _tuned(self, found, bounds, show):
        if self._options["detector"] == "published":
            raise TuningError("as --set detector=published asks")
        used = _uses(found, self._seed)
        show(f"tuning the detector on the slices of {list(used.values()).count('tune')} of {len(used)} patients")
        slices = [(self._peaks(one), one.boxes) for one in found if used.get(one.patient) == "tune" and _known(one)]
        return tune(slices, bounds, self._seed, self._options["trials"]), used

    def _peaks(self, one):
        """The Peaks that `points_of` lets the detector choose from."""
        silent = self._options["only_positive"] and one.probability < POSITIVE
        return find_peaks(np.zeros((1, 1)) if silent else resized(one.map2d, one.shape))

    def _write(self, folder, name, source, found, told, used):
        how = Detector(**told["detector"]), told["only_positive"]
        write_points(folder, name, found, *how, used)
        places = {one.id: place for place, one in enumerate(found)}
        records = []
        for choice in map_file.chosen(folder, name):
            place = places[choice.id]
            bag = dataclasses.replace(_with_mask(source, place), instances=source.take(place, [0]))
            one = found[place]
            records.append(shown(bag, one.map2d, one.probability, choice.title, told["pooling"], *how))
        map_file.save(folder, name, records)


def _with_mask(source, place):
    return dataclasses.replace(source.fields(place), mask=source.mask(place))


def _known(one):
    return one.boxes is not None


def _uses(found, seed):
    """{patient: "tune" or "test"}: two fifths of those with boxes tune, and of those without."""
    known = {one.patient for one in found if _known(one)}
    ill = {one.patient for one in found if _known(one) and len(one.boxes)}
    healthy = known - ill
    tuners = {*parted(sorted(ill), seed)[0], *(parted(sorted(healthy), seed)[0] if len(healthy) > 1 else ())}
    return {patient: "tune" if patient in tuners else "test" for patient in sorted(known)}


def _used_before(found, tuners):
    """{patient: "tune" or "test"} of a cohort that may share patients with the one that tuned."""
    return {one.patient: "tune" if one.patient in tuners else "test" for one in found}


def _tuners(folder, cohort):
    """Patients that the run's detector was tuned on, by its table of that cohort."""
    path = Path(folder) / f"located-{cohort}.csv"
    if cohort is None or not path.exists():
        return set()
    table = read_located(path)
    return set(table.patient[table.used == "tune"].tolist())


def _freeze(folder, told):
    """Writes the detector into the run and into what it has exported."""
    runs.write_json(Path(folder) / FILE, told)
    facts = Path(folder) / "export" / FACTS
    runs.write_json(facts, {**runs.read_json(facts), "positions": _facts(told)})


def _facts(told):
    return {name: told[name] for name in ("pooling", "detector", "only_positive")}
