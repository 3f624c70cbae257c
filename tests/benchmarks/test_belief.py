"""The benchmark's exact answers against the sum over all labellings."""

import numpy as np
import pytest

from benchmarks.belief import compared, drawn, exact_marginals, likeliest, log_odds, main
from benchmarks.common import read_csv


def labellings(unary, coupling):
    count = unary.size
    found = [(number >> np.arange(count) & 1).reshape(unary.shape) for number in range(2**count)]
    return np.array(found), np.array([log_odds(each, unary, coupling) for each in found])


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (4, 1), (1, 4), (3, 3)])
@pytest.mark.parametrize("coupling", [-1.0, 0.5, 3.0])
def test_exact_answers(shape, coupling):
    (unary,) = drawn(shape, 1.0, 1, 1)
    labels, odds = labellings(unary, coupling)
    weight = np.exp(odds) / np.exp(odds).sum()
    np.testing.assert_allclose(exact_marginals(unary, coupling), np.tensordot(weight, labels, 1), atol=1e-12)
    np.testing.assert_array_equal(likeliest(unary, coupling), labels[odds.argmax()].astype(bool))


def test_log_odds_of_a_labelling():
    labels = np.array([[1, 1], [0, 1]])
    assert log_odds(labels, np.array([[1.0, 2.0], [4.0, 8.0]]), 100.0) == 1 + 2 + 8 + 200


def test_a_labelling_that_is_missed_is_told():
    unary = np.full((4, 4), 0.1)
    unary[:, :2] = -0.11
    found = compared(unary, 3.0, iterations=1)
    assert not found["sum_converged"] and found["map_short"] >= 0


def test_the_command_writes_a_row_a_setting(tmp_path, monkeypatch):
    import benchmarks.belief as belief

    monkeypatch.setattr(belief, "COUPLINGS", (0.5, 3.0))
    monkeypatch.setattr(belief, "SIZES", ((3, 3),))
    assert main(["--draws", "3", "--seeds", "2", "--out", str(tmp_path / "belief.csv")]) == 0
    rows = read_csv(tmp_path / "belief.csv")
    assert [(row["coupling"], row["spread"], row["grids"]) for row in rows] == [(0.5, 0.5, 6), (0.5, 2.0, 6),
                                                                              (3.0, 0.5, 6), (3.0, 2.0, 6)]
    assert rows[0]["largest_error"] < 0.02 < rows[2]["largest_error"]
