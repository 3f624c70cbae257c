import math

import pytest

from mil_tf.training.convergence import Convergence


def run(values, patience=3, min_delta=1e-4):
    rule = Convergence(patience, min_delta)
    return rule, [rule.update(value, epoch) for epoch, value in enumerate(values)]


def test_a_flat_plateau_does_not_count():
    rule, improved = run([1.0, 0.5, 0.5, 0.5, 0.5])
    assert improved == [True, True, False, False, False]
    assert rule.converged and rule.best_epoch == 1 and rule.best == 0.5


def test_a_decrease_below_min_delta_does_not_count_but_adds_up():
    rule, improved = run([1.0, 0.99995, 0.9999, 0.99985], patience=9)
    assert improved == [True, False, False, True]
    assert rule.best == 0.99985 and rule.waited == 0


def test_patience_counts_from_the_best():
    rule, _ = run([1.0, 0.9, 0.95, 0.95])
    assert rule.waited == 2 and not rule.converged
    assert not rule.update(0.89995, 4) and rule.converged


def test_a_value_that_is_none_is_no_improvement():
    rule, improved = run([math.nan, 0.7, math.nan])
    assert improved == [False, True, False] and rule.best == 0.7


@pytest.mark.parametrize("patience", [1, 50])
def test_it_converges_after_patience_epochs_and_not_before(patience):
    rule = Convergence(patience, 1e-4)
    rule.update(0.5, 0)
    for epoch in range(1, patience + 1):
        assert not rule.converged
        rule.update(0.5, epoch)
    assert rule.converged
