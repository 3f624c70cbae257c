import keras
import numpy as np
import pytest

from mil_tf.models.build import BACKBONES, build_scorer
from mil_tf.options import resolve
from mil_tf.recipes import remedios2020
from mil_tf.runs import weights_digest


def options(**given):
    return resolve(remedios2020.OPTIONS, {"width": 2, **given})


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_backbone_builds_and_follows_the_seed(backbone):
    model = build_scorer(options(backbone=backbone), 5)
    assert model.output_shape == (None, 2) and model.input_shape == (None, None, None, 1)
    digest = weights_digest(model)
    assert weights_digest(build_scorer(options(backbone=backbone), 5)) == digest
    assert weights_digest(build_scorer(options(backbone=backbone), 6)) != digest


@pytest.mark.parametrize("scaling, layer", [("window", "hu_window"), ("ramps", "hu_ramps"), ("none", None)])
def test_the_scaling_is_inside_the_model(scaling, layer):
    names = [one.name for one in build_scorer(options(backbone="resnet10", scaling=scaling), 0).layers]
    assert [name for name in names if name.startswith("hu_")] == ([layer] if layer else [])


def test_options_reach_the_network():
    model = build_scorer(
        options(backbone="resnet10", dropout=0.25, norm="none", stem="small", pool="max", activation="gelu"), 0, 3
    )
    names = {layer.name for layer in model.layers}
    assert model.get_layer("dropout").rate == 0.25 and model.input_shape[-1] == 3
    assert "stem_pool" not in names and "stem_norm" not in names
    assert "Max" in type(model.get_layer("pool")).__name__
    assert model.get_layer("stem_act").activation.__name__ == "gelu"
    assert np.isfinite(model(np.zeros((1, 16, 16, 3), np.float32))).all()


def test_what_cannot_be_built_is_refused():
    with pytest.raises(ValueError, match="Expected `backbone` to be one of .*Received: 'vgg'"):
        build_scorer(options(backbone="vgg"), 0)
    with pytest.raises(ValueError, match=r"at least 28 pixels a side for convnet. Received: \(16, 40\)"):
        build_scorer(options(backbone="convnet"), 0, 1, (16, 40))
    build_scorer(options(backbone="convnet"), 0, 1, (28, 28))


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_a_precision_is_of_the_arithmetic_and_not_of_the_weights(precision):
    before = keras.mixed_precision.global_policy().name
    model = build_scorer(options(backbone="resnet10", precision=precision), 5)
    assert keras.mixed_precision.global_policy().name == before
    assert model.get_layer("stem_conv").compute_dtype == precision.removeprefix("mixed_")
    assert model.get_layer("hu_ramps").compute_dtype == "float32"
    assert {weight.dtype for weight in model.get_weights()} == {np.dtype("float32")}
    assert weights_digest(model) == weights_digest(build_scorer(options(backbone="resnet10"), 5))
    assert model(np.zeros((1, 32, 32, 1), np.float32)).dtype == "float32"
