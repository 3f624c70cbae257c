"""The tables of a cohort of fields, and what is told of a pooling."""

import numpy as np
import pytest
import tensorflow as tf

from mil_tf.pooling import names
from mil_tf.training.field_scoring import Answers
from mil_tf.training.field_tables import told_pooling, write_tables
from tests.fields import CLASSES, field
from tests.mil_tf.training.test_field_learning import Fields
from tests.runs import rows
from tfrecords import Bag


class Cohort(Fields):
    def __init__(self, bags):
        super().__init__(bags)
        self.ids, self.patients = [bag.id for bag in bags], [bag.patient for bag in bags]


class Scorer:
    """Answers that tell the field and the cell that they are of."""

    def __call__(self, source, positions):
        found = np.array([[position, position + 0.1, position + 0.2] for position in positions]) / 10
        return Answers(found + 0.05, found)

    def cells(self, source, position):
        found = np.arange(3 * len(source.fields(position).points)).reshape(-1, 3) / 100
        return Answers(found + 0.005, found)


def test_every_field_has_a_row_and_every_cell(tmp_path):
    bags = [field(4), Bag("no cells", "p", [1, 0, 1], field(5).instances, [0]), field(3)]
    write_tables(tmp_path, "test", Cohort(bags), Scorer(), CLASSES)
    found = rows(tmp_path / "predictions-test.csv")
    columns = [f"y_{kind}_{name}" for kind in ("true", "prob", "pool") for name in CLASSES]
    assert list(found[0]) == ["id", "patient", "plate", "well", "replicate", "treatment", *columns]
    assert [row["id"] for row in found] == [bag.id for bag in bags]
    assert found[0]["plate"] == "plate1" and found[0]["treatment"] == "compound 4" and found[0]["replicate"] == "1"
    assert [found[1][name] for name in ("plate", "well", "y_true_disc", "y_true_dots", "y_true_ring")] == ["", "", "1", "0", "1"]
    assert [float(found[2][f"y_prob_{name}"]) for name in CLASSES] == pytest.approx([0.2, 0.21, 0.22])
    assert float(found[2]["y_pool_ring"]) == pytest.approx(0.27)

    cells = rows(tmp_path / "cells-test.csv")
    columns = [f"y_{kind}_{name}" for kind in ("true", "pool", "prob") for name in CLASSES]
    assert list(cells[0]) == ["id", "patient", "y", "x", "y_cell", *columns]
    expected = [(bag.id, f"{y:.2f}", f"{x:.2f}", CLASSES[int(kind)] if kind >= 0 else "")
                for bag in (bags[0], bags[2]) for _, y, x, kind in bag.points]
    assert [(row["id"], row["y"], row["x"], row["y_cell"]) for row in cells] == expected
    assert {row["y_true_dots"] for row in cells if row["id"] == bags[0].id} == {"1"}
    assert float(cells[1]["y_pool_disc"]) == pytest.approx(0.035)


def test_without_cells_there_is_no_table_of_them(tmp_path):
    write_tables(tmp_path, "other", Cohort([Bag("a", "p", [1, 0, 0], field(5).instances, [0])]), Scorer(), CLASSES)
    assert [path.name for path in tmp_path.iterdir()] == ["predictions-other.csv"]


def test_a_pooling_tells_what_it_has_learned():
    def layer(text):
        made = names.pooling(text)
        made(tf.zeros((1, 4, 3)))
        return made

    noisy = layer("noisy_and(slope=7.5)")
    noisy.set_weights([np.log(np.float32([0.25, 0.5, 0.8]) / (1 - np.float32([0.25, 0.5, 0.8])))])
    told = told_pooling("noisy_and(slope=7.5)", noisy, CLASSES)
    assert told["pooling"] == "noisy_and" and told["slope"] == 7.5
    assert told["thresholds"] == pytest.approx(dict(zip(CLASSES, (0.25, 0.5, 0.8))))
    text = "log_sum_exp(r=5)"
    assert told_pooling(text, layer(text), CLASSES) == {"pooling": "log_sum_exp", "r": 5.0}
    assert told_pooling("max", layer("max"), CLASSES) == {"pooling": "max", "r": None}
    assert told_pooling("none", None, CLASSES) == {"pooling": "none", "r": None}
