"""TensorBoard of fields: which are drawn, in which colours, with which words."""

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorflow import io, make_ndarray

from mil_tf.training.convergence import Convergence
from mil_tf.training.field_board import FieldBoard, composite
from mil_tf.training.field_scoring import Answers
from mil_tf.training.state import State
from tests.fields import CLASSES, field
from tests.mil_tf.training.test_field_tables import Cohort

METRICS = {"train_loss": 0.5, "validation_loss": 0.4, "validation_error": 0.25, "validation_map": 0.9}


def test_the_first_field_of_every_class_is_drawn_with_its_likeliest_classes(tmp_path):
    cohort = Cohort([field(index) for index in range(6)])
    answers = Answers(None, np.float32([[0.1, 0.7, 0.2]] * 3))
    board = FieldBoard(tmp_path, cohort, lambda source, positions: answers, CLASSES, 2)
    for epoch in range(3):
        history = [{"epoch": i, **METRICS, "learning_rate": 0.1} for i in range(epoch + 1)]
        board.epoch(State(Convergence(9, 0.0), epoch=epoch, history=history), METRICS, {"bags": 9, "train_seconds": 3})
    events = EventAccumulator(str(tmp_path), {"tensors": 0})
    events.Reload()
    tags = [tag for tag in events.Tags()["tensors"] if tag.startswith("field/")]
    assert sorted(tags) == sorted(f"field/{name}, {cohort.ids[i]}" for i, name in enumerate(CLASSES))
    assert [event.step for event in events.Tensors(tags[0])] == [0, 2]
    assert io.decode_png(make_ndarray(events.Tensors(tags[0])[0].tensor_proto)[2]).shape == (48, 48, 3)
    assert make_ndarray(events.Tensors("validation/map")[0].tensor_proto) == np.float32(0.9)
    told = events.summary_metadata[tags[0]].summary_description
    assert told == "dots 0.70, ring 0.20, disc 0.10"


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_channels_are_stretched_each_for_itself(channels):
    image = np.random.default_rng(0).uniform(0, 1, (20, 20, channels)) * (0.01 * 10.0 ** -np.arange(channels))
    found = composite(image.astype(np.float16))
    assert found.shape == (20, 20, 3) and found.min() >= 0 and found.max() == 1
    assert composite(np.zeros((8, 8, channels), np.float16)).max() == 0
