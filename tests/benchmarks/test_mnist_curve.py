import csv

import numpy as np
import pytest

from benchmarks.mnist_curve import main, make_bags


@pytest.fixture
def digits(tmp_path):
    """A file of images that show their digit: nines are bright."""
    rng = np.random.default_rng(0)
    parts = {}
    for part in ("train", "test"):
        labels = rng.integers(0, 10, 200)
        images = rng.integers(0, 60, (200, 28, 28)) + 150 * (labels == 9)[:, None, None]
        parts |= {f"x_{part}": images.astype(np.uint8), f"y_{part}": labels.astype(np.uint8)}
    np.savez(tmp_path / "mnist.npz", **parts)
    return tmp_path / "mnist.npz"


def test_bags_are_positive_where_they_hold_a_nine(digits):
    with np.load(digits) as found:
        bags = make_bags(found["x_test"], found["y_test"], 400, np.random.default_rng(1))
    sizes = np.array([len(bag.instances) for bag in bags])
    assert 9.6 < sizes.mean() < 10.4 and 1.0 < sizes.std() < 1.8  # a variance of 2
    assert 0.5 < np.mean([bag.label[0] for bag in bags]) < 0.8
    assert all(bag.label[0] == bag.instance_label.max() for bag in bags)


@pytest.mark.slow
def test_what_is_measured_is_kept(digits, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.mnist_curve.HELD_OUT", 40)
    monkeypatch.setattr("benchmarks.mnist_curve.EPOCHS", {"top instance": 1, "pooled": 1})
    monkeypatch.setattr("benchmarks.mnist_curve.VISITS", {"top instance": 40, "pooled": 40})
    given = ["--mnist", str(digits), "--out", str(tmp_path / "out.csv"), "--seeds", "1", "--bags", "40"]
    assert main([*given, "--rows", "attention"]) == 0
    first = (tmp_path / "out.csv").read_text().splitlines()
    assert main([*given, "--rows", "attention", "top instance"]) == 0
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[:2] == first and len(lines) == 3
    for row in csv.DictReader(lines):
        assert 0 <= float(row["bag_auc"]) <= 1 and row["epochs"] == "1"
