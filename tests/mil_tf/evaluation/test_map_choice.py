from pathlib import Path

import numpy as np

from mil_tf.evaluation.map_choice import KINDS, choose
from mil_tf.evaluation.tables import Predictions
from mil_tf.localization.tables import Located


def tables(rows):
    """(Located, Predictions) of rows (id, patient, probability, boxes, tp, fp, used)."""
    ids, patient, probability, boxes, tp, fp, used = map(np.array, zip(*rows))
    counts = np.stack([tp, fp, boxes - tp], axis=1)
    located = Located(Path("l.csv"), ids, patient, (boxes > 0).astype(int), boxes, counts, used)
    return located, Predictions(Path("p.csv"), ids, patient, located.y_true, probability)


def drawn(seed, n=300):
    rng = np.random.default_rng(seed)
    boxes = rng.integers(0, 4, n)
    return tables([(f"s{k}", f"p{rng.integers(20)}", rng.random(), boxes[k], rng.integers(0, boxes[k] + 1),
                    rng.integers(0, 3), ["tune", "test"][k % 2]) for k in range(n)])


def test_every_kind_is_there_once_of_another_patient():
    for seed in range(5):
        found = choose(*drawn(seed))
        assert [each.kind for each in found] == list(KINDS)
        assert len({each.patient for each in found}) == len(found)
        assert all(KINDS[each.kind](each) for each in found)


def test_only_slices_that_nothing_was_tuned_on():
    located, predictions = drawn(0)
    tested = set(located.id[located.used == "test"])
    assert {each.id for each in choose(located, predictions)} <= tested


def test_the_surest_comes_first_and_another_patient_before_it():
    rows = [("a", "p", 0.9, 1, 1, 0, "test"), ("b", "p", 0.95, 1, 1, 0, "test"), ("c", "p", 0.99, 2, 2, 0, "test"),
            ("d", "q", 0.2, 2, 2, 0, "test"), ("e", "p", 0.1, 0, 0, 0, "test")]
    assert [(each.id, each.kind) for each in choose(*tables(rows))] == [
        ("b", "one box, found"), ("d", "several boxes, two or more found"), ("e", "negative, without a point"),
    ]


def test_a_slice_is_shown_once_and_kinds_without_one_are_left_out():
    rows = [("a", "p", 0.9, 2, 1, 1, "test")]
    found = choose(*tables(rows))
    assert [(each.id, each.kind) for each in found] == [("a", "a box is missed")]
    assert found[0].title == "a: a box is missed\nprobability 0.900; boxes 2, found 1; false points 1"
    assert choose(*tables([("a", "p", 0.9, 2, 1, 1, "tune")])) == []


def test_the_order_of_the_table_does_not_matter():
    located, predictions = drawn(1)
    turned = np.random.default_rng(0).permutation(len(located.id))
    again = Located(located.path, *(getattr(located, name)[turned] for name in
                                    ("id", "patient", "y_true", "boxes", "counts", "used")))
    assert choose(again, predictions) == choose(located, predictions)
