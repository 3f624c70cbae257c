"""Belief propagation against the sum over all labellings."""

import numpy as np
import pytest

from mil_tf.localization.belief import belief_propagation


def enumerated(unary, coupling):
    """(marginals, max-marginals as probabilities), (h, w), from every labelling of a small grid."""
    count = unary.size
    labels = (np.arange(2**count)[:, None] >> np.arange(count) & 1).reshape(-1, *unary.shape)
    same = (labels[:, 1:] == labels[:, :-1]).sum((1, 2)) + (labels[:, :, 1:] == labels[:, :, :-1]).sum((1, 2))
    odds = (labels * unary).sum((1, 2)) + coupling * same
    weight = np.exp(odds - odds.max())
    marginals = (weight[:, None, None] * labels).sum(0) / weight.sum()
    best = [np.where(labels == side, odds[:, None, None], -np.inf).max(0) for side in (0, 1)]
    return marginals, 1 / (1 + np.exp(best[0] - best[1]))


def drawn(shape, spread=2.0, seed=0):
    return np.random.default_rng([seed, *shape]).normal(0, spread, shape)


@pytest.mark.parametrize("coupling", [-3.0, -0.5, 0.0, 0.5, 3.0])
@pytest.mark.parametrize("shape", [(1, 12), (12, 1), (1, 1), (1, 2)])
def test_exact_on_chains(shape, coupling):
    unary = drawn(shape)
    for kind, expected in zip(("sum", "max"), enumerated(unary, coupling)):
        found = belief_propagation(unary, coupling, tolerance=1e-9, kind=kind)
        assert found.converged
        np.testing.assert_allclose(found.marginals, expected, atol=1e-6)


@pytest.mark.parametrize("coupling", [-0.5, 0.25, 0.5])
@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (4, 4)])
@pytest.mark.parametrize("spread", [0.5, 2.0])
def test_within_two_hundredths_of_exact_marginals_on_weak_couplings(shape, coupling, spread):
    for seed in range(3):
        unary = drawn(shape, spread, seed)
        found = belief_propagation(unary, coupling)
        assert found.converged
        assert np.abs(found.marginals - enumerated(unary, coupling)[0]).max() < 0.02
        # The two that follow are so far apart that agreement above is no accident of pixels on their own.
        assert np.abs(belief_propagation(unary, 0).marginals - found.marginals).max() > 0.02


def test_without_a_coupling_pixels_are_on_their_own():
    unary = drawn((5, 7))
    found = belief_propagation(unary, 0.0)
    np.testing.assert_allclose(found.marginals, 1 / (1 + np.exp(-unary)), rtol=1e-12)
    assert found.converged and found.iterations == 1 and found.residual == 0


@pytest.mark.parametrize("kind", ["sum", "max"])
def test_symmetries(kind):
    unary = drawn((6, 9))
    found = belief_propagation(unary, 0.8, kind=kind).marginals

    def of(changed, coupling=0.8):
        return belief_propagation(changed, coupling, kind=kind).marginals

    np.testing.assert_allclose(of(unary.T).T, found, atol=1e-12)
    np.testing.assert_allclose(of(unary[::-1])[::-1], found, atol=1e-12)
    np.testing.assert_allclose(of(unary[:, ::-1])[:, ::-1], found, atol=1e-12)
    np.testing.assert_allclose(of(-unary), 1 - found, atol=1e-12)
    board = np.where(np.indices(unary.shape).sum(axis=0) % 2, -1, 1)  # flips every other label
    np.testing.assert_allclose(of(board * unary, -0.8), np.where(board > 0, found, 1 - found), atol=1e-12)


def test_a_lone_pixel_gives_way_and_one_that_is_sure_does_not():
    unary = np.full((9, 9), -1.0)
    unary[4, 4] = 1.0
    assert not belief_propagation(unary, 1.0).labels.any()
    unary[4, 4] = 20.0
    assert belief_propagation(unary, 1.0).labels.nonzero() == (4, 4)


def test_max_product_finds_the_likeliest_labelling_where_the_evidence_is_clear():
    for seed in range(5):
        unary = drawn((4, 4), 4.0, seed)
        found = belief_propagation(unary, 1.0, kind="max")
        assert found.converged
        np.testing.assert_array_equal(found.labels, enumerated(unary, 1.0)[1] > 0.5)


def test_it_says_so_where_it_does_not_converge():
    unary = drawn((20, 20), 0.1)
    found = belief_propagation(unary, 3.0, iterations=5)
    assert not found.converged and found.iterations == 5 and found.residual > 0.01
    assert str(found).startswith("belief propagation did not converge in 5 iterations, last change ")
    assert str(belief_propagation(unary, 0.0)).startswith("belief propagation converged in 1 iteration,")


def test_damping_stops_a_swing():
    """Neighbours that rather differ and would both like to be 1 change their minds together without it."""
    unary = np.full((10, 10), 3.0)
    swinging, damped = (belief_propagation(unary, -3.0, damping) for damping in (0.0, 0.5))
    assert not swinging.converged and damped.converged


@pytest.mark.parametrize("kind", ["sum", "max"])
@pytest.mark.parametrize("coupling", [1e-9, 1.0, 1e4, -1e4])
@pytest.mark.parametrize("size", [1e-300, 1.0, 1e6, 1e300])
def test_never_nan(size, coupling, kind):
    with np.errstate(invalid="raise", divide="raise"):
        found = belief_propagation(drawn((7, 7)) * size, coupling, kind=kind, iterations=30)
    assert np.isfinite(found.marginals).all() and np.isfinite(found.residual)
    assert ((found.marginals >= 0) & (found.marginals <= 1)).all()


def test_the_same_twice():
    unary = drawn((30, 30))
    first, again = (belief_propagation(unary, 1.0) for _ in range(2))
    np.testing.assert_array_equal(first.marginals, again.marginals)


@pytest.mark.parametrize(
    "change, told",
    [({"unary": np.zeros(3)}, "Expected `unary`"), ({"unary": np.zeros((0, 3))}, "Expected `unary`"),
     ({"unary": np.full((2, 2), np.inf)}, "Expected `unary`"), ({"coupling": np.nan}, "Expected `coupling`"),
     ({"coupling": [1.0]}, "Expected `coupling`"), ({"damping": 1.0}, "Expected `damping`"),
     ({"damping": -0.1}, "Expected `damping`"), ({"tolerance": 0}, "Expected `tolerance`"),
     ({"iterations": 0}, "`iterations` of at least 1"), ({"kind": "mean"}, "Expected `kind`")],
)
def test_what_is_refused(change, told):
    with pytest.raises(ValueError, match=told):
        belief_propagation(**{"unary": np.zeros((2, 2)), "coupling": 1.0, **change})
