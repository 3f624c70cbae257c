from pathlib import Path

import numpy as np
import pytest

from mil_tf.evaluation.columns import TableError
from mil_tf.evaluation.intervals import PatientBootstrap
from mil_tf.evaluation.positions import score_positions
from mil_tf.evaluation.positions_views import position_lines, positions_part, source_told
from mil_tf.evaluation.tables import Predictions
from mil_tf.localization.scoring import estimates
from mil_tf.localization.tables import Located

DETECTOR = {"pooling": "max", "detector": {"h": 0.024, "threshold": 0.76, "distance": 10.0}, "only_positive": False,
            "source": "tuned", "dice_tuned": 0.6123, "trials": 130, "bounds": {"h": [0.0, 1.5]}}


def tables(tuned=5, tested=8, middle=True, seed=0):
    """(Located, Predictions) of patients with 6 slices each; boxes of the tuned ones are all found."""
    rng, patients = np.random.default_rng(seed), tuned + tested
    patient = np.repeat([f"p{k}" for k in range(patients)], 6)
    boxes, used = rng.integers(0, 4, len(patient)), np.where(np.arange(len(patient)) < 6 * tuned, "tune", "test")
    tp = np.where(used == "tune", boxes, rng.integers(0, boxes + 1))
    counts = np.stack([tp, rng.integers(0, 2, len(patient)), boxes - tp], axis=1)
    ids = np.array([f"s{k}" for k in range(len(patient))])
    located = Located(Path("located-t.csv"), ids, patient, (boxes > 0).astype(int), boxes, counts, used,
                      np.stack([0 * tp, 0 * tp + 1, boxes], axis=1) if middle else None)
    return located, Predictions(Path("predictions-t.csv"), ids, patient, located.y_true, rng.random(len(ids)))


def test_only_patients_that_nothing_was_tuned_on_count():
    located, predictions = tables()
    found = score_positions(located, predictions, DETECTOR, 100, 0)
    mine = located.used == "test"
    assert found.counts == {"slices": 48, "patients": 8, "positives": int(located.y_true[mine].sum()),
                            "boxes": int(located.boxes[mine].sum())} and found.tuned == 5
    patient = located.patient[mine]
    assert found.points == estimates(located.counts[mine], patient, PatientBootstrap(patient, 100, 0))
    assert found.points["sensitivity"].n == found.counts["boxes"] and found.middle["ppv"].value == 0


def test_where_all_was_tuned_on_there_is_nothing_to_say():
    assert score_positions(*tables(tested=0), DETECTOR, 20, 0) is None


def test_what_the_tuning_saw_changes_nothing():
    located, predictions = tables()
    before = score_positions(located, predictions, DETECTOR, 50, 0)
    located.counts[located.used == "tune"] = 7
    assert score_positions(located, predictions, DETECTOR, 50, 0) == before


def test_a_slice_of_another_prediction_is_refused():
    located, _ = tables()
    _, predictions = tables()
    located.id[3] = "x"
    with pytest.raises(TableError, match="line 5: slice x is not in predictions-t.csv"):
        score_positions(located, predictions, DETECTOR, 20, 0)


def test_numbers_and_rows_agree():
    found = score_positions(*tables(), DETECTOR, 50, 0)
    rows, numbers = {name: estimate.numbers() for name, _, estimate in found.rows()}, found.numbers()
    assert rows == {f"{prefix}_{name}": value for prefix in ("points", "middle_points")
                    for name, value in numbers[prefix].items()} and len(rows) == 6
    assert numbers["detector"] == DETECTOR and found.as_bags() == {
        "bags": 48, "patients": 8, "positives": found.counts["positives"],
    }


def test_the_page_shows_percent_and_where_parameters_come_from():
    found = score_positions(*tables(), DETECTOR, 50, 0)
    page = "".join(positions_part(found))
    for name, estimate in found.points.items():
        assert f"<td>{100 * estimate.value:.2f} <span>[{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]" in page, name
    for part in ("Where it bleeds: points against boxes", found.sample, "<th>max pooling</th>", "PPV [%]",
                 "middle of each positive slice", "tuned on 5 other patients (130 trials", "0.612 there",
                 "<td>0.024</td><td>0 to 1.5</td>", "<td>10</td><td></td>"):
        assert part in page
    assert positions_part(None) == []


def test_the_terminal_shows_the_same():
    found = score_positions(*tables(), DETECTOR, 50, 0)
    lines = list(position_lines(found))
    assert found.sample in lines[0] and "h 0.024, T 0.76, d 10; tuned on 5 other patients" in lines[1]
    for line, (name, estimate) in zip(lines[3:], found.points.items()):
        assert str(estimate) in line and str(found.middle[name]) in line and line == line.rstrip()


@pytest.mark.parametrize("facts, told", [
    ({"source": "published"}, "published (nemcek2021, section II-E), points on all slices"),
    ({"source": "published", "only_positive": True}, "points only on slices of at least 0.5"),
    ({"source": "tuned", "dice_tuned": None, "trials": 0}, "(0 trials of Bayesian optimisation of Dice)"),
])
def test_the_source_is_told(facts, told):
    assert told in source_told(score_positions(*tables(), facts, 20, 0))


def test_a_table_of_another_model_needs_neither_middle_nor_detector():
    found = score_positions(*tables(tuned=0, middle=False), {}, 20, 0)
    assert found.middle == {} and len(list(found.rows())) == 3
    page, lines = "".join(positions_part(found)), "\n".join(position_lines(found))
    assert "points of this model" in page and "middle of" not in lines
    assert "the run has no detector.json" in page and "the run has no detector.json" in lines


def test_what_is_undefined_says_why():
    located, predictions = tables(tuned=0)
    located.boxes[:], located.counts[:], located.middle[:] = 0, 0, 0
    found = score_positions(located, predictions, DETECTOR, 20, 0)
    page = "".join(positions_part(found))
    assert "<td>undefined: no point</td>" in page and found.numbers()["points"]["dice"]["value"] is None
