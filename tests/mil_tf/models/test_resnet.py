import re

import keras
import numpy as np
import pytest

from mil_tf.models.resnet import BLOCKS, resnet

WIDTHS = (64, 128, 256, 512)


def textbook(blocks, channels, classes):
    """Parameters of a ResNet of basic blocks with batch normalisation, two trainable ones a channel."""
    total = channels * 49 * 64 + 2 * 64
    before = 64
    for count, width in zip(blocks, WIDTHS):
        for index in range(count):
            total += before * 9 * width + width * 9 * width + 4 * width
            if index == 0 and before != width:
                total += before * width + 2 * width
            before = width
    return total + before * classes + classes


def trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


@pytest.mark.parametrize("depth, published", [(18, 11_689_512), (34, 21_797_672)])
def test_the_formula_gives_the_published_counts(depth, published):
    # torchvision's documented parameter counts, for three channels and 1000 classes.
    assert textbook(BLOCKS[depth], 3, 1000) == published


@pytest.mark.parametrize("depth", [18, 34])
def test_the_network_has_the_textbooks_parameters(depth):
    assert trainable(resnet(depth, 64, "batch")) == textbook(BLOCKS[depth], 1, 2)
    assert trainable(resnet(depth, 64, "batch", channels=3, classes=5)) == textbook(BLOCKS[depth], 3, 5)


def test_a_resnet_34_has_3_4_6_3_blocks_and_33_convolutions():
    model = resnet(34, 8, "batch")
    blocks = [re.match(r"stage(\d)_block(\d)_add", layer.name) for layer in model.layers]
    stages = [int(match[1]) for match in blocks if match]
    assert [stages.count(stage) for stage in (1, 2, 3, 4)] == [3, 4, 6, 3]
    kernels = [layer.kernel_size for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert kernels.count((7, 7)) == 1 and kernels.count((3, 3)) == 32 and kernels.count((1, 1)) == 3


def test_every_stage_halves_the_map():
    model = resnet(10, 4, "none")
    shapes = keras.Model(model.input, [model.get_layer(f"stage{stage}_block1_add").output for stage in (1, 2, 3, 4)])
    for size, maps in ((64, (16, 8, 4, 2)), (70, (18, 9, 5, 3))):
        assert tuple(one.shape[1] for one in shapes(np.zeros((1, size, size, 1), np.float32))) == maps


def test_the_shortcut_is_a_strided_convolution():
    model = resnet(10, 4, "none", stem="small")
    model.set_weights([np.random.default_rng(0).normal(size=w.shape) for w in model.get_weights()])
    before = model.get_layer("stage1_block1_act2").output
    path = keras.Model(model.input, [before, model.get_layer("stage2_block1_shortcut").output])
    for size in (8, 9):
        x, found = path(np.random.default_rng(1).normal(size=(2, size, size, 1)).astype(np.float32))
        kernel, bias = model.get_layer("stage2_block1_shortcut").get_weights()
        expected = np.asarray(x)[:, ::2, ::2] @ kernel[0, 0] + bias
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("norm", ["none", "batch", "group"])
def test_zero_residual_starts_as_the_shortcut(norm):
    model = resnet(10, 8, norm, zero_residual=True, stem="small")
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype(np.float32)
    for stage in (1, 3):
        add = model.get_layer(f"stage{stage}_block1_add")
        branch = model.get_layer(f"stage{stage}_block1_" + ("conv2" if norm == "none" else "norm2")).output
        assert not np.any(keras.Model(model.input, branch)(images))
        assert np.any(keras.Model(model.input, add.output)(images))


def test_convolutions_have_a_bias_where_no_norm_gives_one():
    for norm, expected in (("none", True), ("batch", False), ("group", False)):
        layers = resnet(10, 8, norm).layers
        assert {layer.use_bias for layer in layers if isinstance(layer, keras.layers.Conv2D)} == {expected}


@pytest.mark.parametrize(
    "given, told", [
        ({"depth": 50}, r"`depth` to be one of \(10, 18, 34\)\. Received: depth=50"),
        ({"stem": "big"}, "`stem` to be one of .*Received: stem='big'"),
        ({"pool": "sum"}, "`pool` to be one of .*Received: pool='sum'"),
        ({"norm": "instance"}, "`norm` to be one of .*Received: norm='instance'"),
        ({"dropout": 1.0}, "`rate` of 0 or above and below 1. Received: rate=1.0"),
    ],
)
def test_what_cannot_be_built_is_refused(given, told):
    with pytest.raises(ValueError, match=told):
        resnet(**{"depth": 10, "width": 4, **given})
