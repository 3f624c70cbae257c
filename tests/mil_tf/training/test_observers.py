import csv

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorflow import io, make_ndarray

from mil_tf.data import MemorySource
from mil_tf.training.convergence import Convergence
from mil_tf.training.observers import DISPLAYED, Console, HistoryTable, TensorBoard
from mil_tf.training.state import State
from tfrecords import Bag

METRICS = {"train_loss": 0.5, "validation_loss": 0.4, "validation_ap": 0.9, "validation_auc": 0.8}
TIMING = {"bags": 30, "train_seconds": 2.0}


def state(epoch):
    history = [{"epoch": i, **METRICS, "learning_rate": 0.1 / (i + 1)} for i in range(epoch + 1)]
    return State(Convergence(9, 0.0, 0.4, 1), epoch=epoch, history=history)


@pytest.fixture
def events(tmp_path, make_bag):
    """What four epochs leave: every bag's brightest slice is its second."""
    bags = [make_bag(f"scan {i}", 3, 8, label=i % 2, seed=i) for i in range(10)]
    for bag in bags:
        bag.instances[1] = 60
    scores = np.float32([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    board = TensorBoard(tmp_path, MemorySource(bags), lambda source, positions: [scores] * len(positions), 2)
    for epoch in range(4):
        board.epoch(state(epoch), METRICS, TIMING)
    found = EventAccumulator(str(tmp_path), {"tensors": 0})
    found.Reload()
    return found


def test_losses_metrics_rate_and_speed_are_written(events):
    expected = {
        "train/loss": 0.5, "validation/loss": 0.4, "validation/ap": 0.9, "validation/auc": 0.8,
        "speed/bags_per_second": 15.0,
    }
    for tag, value in expected.items():
        written = events.Tensors(tag)
        assert [event.step for event in written] == [0, 1, 2, 3]
        assert make_ndarray(written[0].tensor_proto) == np.float32(value)
    rates = [float(make_ndarray(event.tensor_proto)) for event in events.Tensors("learning_rate")]
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.1 / 3, 0.025], rtol=1e-6)


def test_the_chosen_slice_of_a_few_fixed_bags_is_drawn_every_few_epochs(events):
    tags = [tag for tag in events.Tags()["tensors"] if tag.startswith("chosen slice/")]
    assert sorted(tags) == [f"chosen slice/{name}" for name in (
        "negative scan 0", "positive scan 1", "positive scan 3", "positive scan 5")]
    for tag in tags:
        assert [event.step for event in events.Tensors(tag)] == [0, 2]
        image = io.decode_png(make_ndarray(events.Tensors(tag)[0].tensor_proto)[2]).numpy()
        assert image.shape[:2] == (8, 8) and np.ptp(image) == 0
        assert abs(int(image[0, 0, 0]) - 191) <= 1  # 60 HU at level 40, width 80: three quarters


def test_a_chosen_tile_is_called_one_and_has_its_colours(tmp_path):
    pixels = np.zeros((2, 8, 8, 3), np.uint8)
    pixels[1] = 200, 40, 120
    source = MemorySource([Bag("slide", "p", [1], pixels, [5, 7])])
    scores = [np.float32([[0.9, 0.1], [0.2, 0.8]])]
    board = TensorBoard(tmp_path, source, lambda *given: scores, 1, DISPLAYED["uint8"], "tile")
    board.epoch(state(0), METRICS, TIMING)
    found = EventAccumulator(str(tmp_path), {"tensors": 0})
    found.Reload()
    event, = found.Tensors("chosen tile/positive slide")
    assert found.SummaryMetadata("chosen tile/positive slide").summary_description == "p=0.80, tile 7"
    image = io.decode_png(make_ndarray(event.tensor_proto)[2]).numpy()
    assert np.abs(image - np.array([200, 40, 120])).max() <= 1


def test_the_table_is_written_whole_after_every_epoch(tmp_path):
    table = HistoryTable(tmp_path / "history.csv")
    for epoch in range(3):
        table.epoch(state(epoch), METRICS, TIMING)
        with open(tmp_path / "history.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [int(row["epoch"]) for row in rows] == list(range(epoch + 1))
        assert [float(row["learning_rate"]) for row in rows] == [0.1 / (i + 1) for i in range(epoch + 1)]
    assert [path.name for path in tmp_path.iterdir()] == ["history.csv"]


def test_the_console_says_one_line_an_epoch():
    said = []
    Console(said.append).epoch(state(1), METRICS, TIMING)
    assert len(said) == 1 and "\n" not in said[0]
    for part in ("epoch   1", "0.5000", "0.4000", "AP 0.900", "AUC 0.800", "15.0 bags/s", "best 0.4000 (epoch 1)"):
        assert part in said[0]
    Console(said.append).epoch(State(Convergence(9, 0.0), history=state(0).history), METRICS, TIMING)
    assert "warming up" in said[1]
    metrics = {"train_loss": 0.5, "validation_loss": 0.4, "validation_error": 0.25, "validation_map": 0.625}
    Console(said.append, {"validation_error": "error", "validation_map": "mean AP"}).epoch(state(1), metrics, TIMING)
    assert "validation loss 0.4000  error 0.250  mean AP 0.625  15.0 bags/s" in said[2]
