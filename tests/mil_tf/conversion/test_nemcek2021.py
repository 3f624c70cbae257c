"""Their weights in our network answer as theirs do, measured and computed another way."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from mil_tf.conversion.nemcek2021 import check, converted, pooling_of
from mil_tf.conversion.steps import StateError
from mil_tf.conversion.torch_file import read_state
from mil_tf.models.position_mil import taking_hu

# Measured once with the authors' class and weights, on channels-first images.
GOLDEN = {
    "zeros": (lambda: np.zeros((3, 256, 256), np.float32), -6.07158),
    "noise": (lambda: np.random.default_rng(0).standard_normal((3, 256, 256)).astype("float32"), 1.06824),
    "ramp": (lambda: np.linspace(-1, 1, 3 * 256 * 256).reshape(3, 256, 256).astype("float32"), -16.81529),
}
AIR = -4.85632  # every voxel -1024 HU, through their preprocessing


@pytest.fixture(scope="module")
def real_state(real):
    return read_state(real)


@pytest.fixture(scope="module")
def real_network(real_state):
    check(real_state, "maxpool.pt")
    return converted(real_state)


def convolved(state, name, x):
    """PyTorch's convolution with a padding that keeps the size, of one image (channels, h, w)."""
    weight, bias = (state[f"{name}.{part}"].astype(np.float64) for part in ("weight", "bias"))
    size = weight.shape[2]
    padded = np.pad(x, ((0, 0), (size // 2,) * 2, (size // 2,) * 2))
    windows = sliding_window_view(padded, (size, size), axis=(1, 2))
    return np.einsum("ihwyx,oiyx->ohw", windows, weight, optimize=True) + bias[:, None, None]


def unit(state, name, x):
    x = convolved(state, f"{name}.conv", x)
    scale, shift, mean, variance = (
        state[f"{name}.bn.{part}"].astype(np.float64)[:, None, None]
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    return np.maximum((x - mean) / np.sqrt(variance + 1e-5) * scale + shift, 0)


def pooled(x):
    channels, height, width = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2].reshape(channels, height // 2, 2, width // 2, 2)
    return x.max(axis=(2, 4))


def level(state, numbers, x):
    first, second, third = (f"layers.{number}" for number in numbers)
    return pooled(unit(state, third, unit(state, second, unit(state, first, x))) + x)


def features(state, x):
    x = level(state, (3, 4, 5), unit(state, "init_conv", x))
    x = level(state, (10, 11, 12), unit(state, "layers.6", x))
    return level(state, (17, 18, 19), unit(state, "layers.13", x))


def forward(state, x):
    """(logit, map (h/8, w/8)) of one image (3, h, w)."""
    h = features(state, np.float64(x))
    if "conv_final.weight" in state:
        positions = convolved(state, "conv_final", h)[0]
        return positions.max(), positions
    v, u = (convolved(state, f"attention.conv_{name}", h) for name in ("tanh", "sigm"))
    score = convolved(state, "attention.conv_w", np.tanh(v) / (1 + np.exp(-u)))[0]
    weights = np.exp(score) / np.exp(score).sum()
    z = (weights * h).sum(axis=(1, 2), keepdims=True)
    return convolved(state, "attention.conv_final", z).item(), weights


def agrees(network, state, images):
    """images: (n, 3, h, w)."""
    found = network(images.transpose(0, 2, 3, 1), training=False)
    assert set(found) == {"logit", "map"}
    for index, image in enumerate(images):
        logit, positions = forward(state, image)
        np.testing.assert_allclose(found["logit"][index], [logit], rtol=1e-4, atol=1e-4)
        assert np.ptp(positions) > 1e-6
        np.testing.assert_allclose(found["map"][index, ..., 0], positions, rtol=1e-4, atol=1e-4 * np.abs(positions).max())
    assert found["map"].shape == (len(images), images.shape[2] // 8, images.shape[3] // 8, 1)


@pytest.mark.parametrize("image", GOLDEN)
def test_the_golden_logits(real_network, image):
    make, logit = GOLDEN[image]
    found = real_network(make().transpose(1, 2, 0)[None], training=False)
    assert found["logit"].shape == (1, 1)
    assert found["logit"].numpy().item() == pytest.approx(logit, abs=1e-4)
    assert found["map"].numpy().max() == found["logit"].numpy().item()


def test_the_golden_logit_of_air(real_network):
    found = taking_hu(real_network)(np.full((1, 256, 256, 1), -1024, np.float32), training=False)
    assert found["logit"].numpy().item() == pytest.approx(AIR, abs=1e-4)


def test_the_maps_of_the_real_weights(real_network, real_state):
    images = np.random.default_rng(1).normal(0, 1, (2, 3, 72, 48)).astype(np.float32)
    agrees(real_network, real_state, images)


@pytest.mark.parametrize("pooling", ["max", "attention"])
def test_maps_and_logits_of_a_file(state_of, write_state, pooling):
    state = state_of(pooling)
    found = read_state(write_state(state))
    check(found, "state.pt")
    assert pooling_of(found) == pooling
    images = np.random.default_rng(2).normal(0, 1, (3, 3, 43, 56)).astype(np.float32)
    agrees(converted(found), state, images)


def test_the_dead_layers_change_nothing(state_of):
    state = state_of("max")
    other = {name: array + 1 if name.startswith(tuple(f"layers.{n}." for n in (0, 1, 2, 7, 8, 9, 14, 15, 16))) else array
             for name, array in state.items()}
    changed = sum(not np.array_equal(state[name], other[name]) for name in state)
    assert changed == 9 * 7
    for one, another in zip(converted(state).get_weights(), converted(other).get_weights()):
        np.testing.assert_array_equal(one, another)


def test_all_other_layers_are_taken(state_of):
    for pooling in ("max", "attention"):
        state = state_of(pooling)
        live = sum(array.size for name, array in state.items() if array.ndim)
        live -= sum(array.size for name, array in state.items() if array.ndim and name.startswith("layers.")
                    and int(name.split(".")[1]) in (0, 1, 2, 7, 8, 9, 14, 15, 16))
        assert converted(state).count_params() == live


@pytest.mark.parametrize("pooling", ["max", "attention"])
def test_a_tensor_that_is_missing_or_not_known_is_named(state_of, pooling):
    state = state_of(pooling)
    for gone in ("init_conv.conv.weight", "layers.0.bn.running_var", list(state)[-1]):
        with pytest.raises(StateError, match=rf"^x\.pt: Expected .* Received: missing: '{gone}'$"):
            check({name: array for name, array in state.items() if name != gone}, "x.pt")
    with pytest.raises(StateError, match=r"^x\.pt: Expected .* Received: not known: 'layers\.20\.conv\.weight'$"):
        check({**state, "layers.20.conv.weight": state["init_conv.conv.weight"]}, "x.pt")


def test_a_file_of_something_else_is_one_short_line():
    with pytest.raises(StateError, match="missing: .* and 14[0-9] more$") as caught:
        check({"fc.weight": np.zeros((2, 2), np.float32)}, "x.pt")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name, array", [
    ("layers.6.conv.weight", np.zeros((24, 24, 3, 3), np.float32)), ("conv_final.bias", np.zeros((), np.float32)),
    ("layers.6.conv.bias", np.zeros(24, np.int64)), ("init_conv.bn.num_batches_tracked", np.zeros((), np.float32)),
])
def test_a_tensor_that_does_not_fit_is_named_with_both_shapes(state_of, name, array):
    state = state_of("max")
    with pytest.raises(StateError) as caught:
        check({**state, name: array}, "x.pt")
    assert str(caught.value).startswith(f"x.pt: {name}: Expected ")
    assert f"of shape {state[name].shape}" in str(caught.value) and f"{array.dtype.name} of shape {array.shape}" in str(caught.value)


def test_weights_that_are_no_numbers_are_refused(state_of):
    state = state_of("max")
    state["layers.3.conv.bias"] = np.full(12, np.nan, np.float32)
    with pytest.raises(StateError, match=r"layers\.3\.conv\.bias: Expected finite"):
        check(state, "x.pt")


def test_the_head_of_max_pooling_may_lie_beside_attention(state_of):
    state = {**state_of("max"), **state_of("attention")}
    check(state, "state.pt")
    assert pooling_of(state) == "attention"
    images = np.random.default_rng(3).normal(0, 1, (1, 24, 24, 3)).astype(np.float32)
    only = {name: value for name, value in state.items() if not name.startswith("conv_final")}
    np.testing.assert_array_equal(converted(state)(images)["logit"], converted(only)(images)["logit"])
