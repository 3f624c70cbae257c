import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.models.receptive import context
from mil_tf.models.tile_net import IMAGENET_STD, dense_logits, features_model, load_imagenet, measured, tile_scorer
from mil_tf.options import resolve
from mil_tf.recipes.lerousseau2020 import OPTIONS, PROFILES

CONSTANTS = {"mean": [200.0, 150.0, 180.0], "std": [30.0, 40.0, 35.0]}


def built(**options):
    return tile_scorer(resolve(OPTIONS, PROFILES["quick"], {"width": 4, **options}), 0, CONSTANTS)


def images(side=96, count=2):
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3)).astype(np.float32)


@pytest.mark.parametrize(("options", "stride"), [({}, 16), ({"stem": "light"}, 32), ({"backbone": "resnet50"}, 32)])
def test_a_tiles_logit_is_the_mean_of_its_positions(options, stride):
    model = built(**options)
    found = dense_logits(model)(images())
    assert found.shape == (2, 96 // stride, 96 // stride) and found.dtype == tf.float32
    probabilities = model(images()).numpy()
    np.testing.assert_allclose(tf.sigmoid(tf.reduce_mean(found, axis=[1, 2])), probabilities[:, 1], rtol=1e-4)
    assert context(features_model(model)).stride == stride


def test_seven_by_seven_positions_of_a_tile_of_224():
    """The paper's section 3.1 says 13 x 13, which no ResNet-50 gives."""
    assert features_model(built(backbone="resnet50")).compute_output_shape((1, 224, 224, 3))[1:3] == (7, 7)


def test_the_weights_depend_on_the_seed_alone():
    one, other = built(), built()
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module", params=[True, False], ids=["with top", "without top"])
def published(request, tmp_path_factory):
    """A file such as Keras publishes, and the weights of its body."""
    keras.utils.set_random_seed(7)
    model = keras.applications.ResNet50(include_top=request.param, weights=None)
    path = tmp_path_factory.mktemp("imagenet") / "resnet50.weights.h5"
    model.save_weights(path)
    weights = model.get_weights()
    return path, weights[:-2] if request.param else weights


def test_imagenet_weights_come_from_a_file_with_or_without_its_top(published):
    path, weights = published
    model = built(backbone="resnet50", start=str(path))
    for a, b in zip(features_model(model).get_weights(), weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_imagenet_weights_see_what_they_were_trained_on(published):
    """Blue, green, red less their means: what keras.applications calls caffe preprocessing, where ours standardises."""
    path, _ = published
    rgb = images(64)
    mean = [123.68, 116.779, 103.939]  # of keras.applications
    ours = tile_scorer(
        resolve(OPTIONS, {"start": str(path)}), 0, {"mean": mean, "std": list(IMAGENET_STD)}
    )
    theirs = keras.applications.ResNet50(include_top=False, weights=None)
    load_imagenet(theirs, path)
    expected = theirs(keras.applications.resnet50.preprocess_input(rgb.copy()), training=False)
    np.testing.assert_allclose(features_model(ours)(rgb, training=False), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.long
def test_a_file_of_other_weights_is_refused(tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(tmp_path / "other.weights.h5")
    (tmp_path / "text.h5").write_text("no weights")
    for name in ("other.weights.h5", "text.h5", "missing.h5"):
        with pytest.raises(ValueError, match="--set start: Expected a file of ResNet-50's weights .* Received: .*") as told:
            built(backbone="resnet50", start=str(tmp_path / name))
        assert "\n" not in str(told.value) and name in str(told.value)


def test_constants_are_those_of_all_pixels():
    batches = [images(8, 3), images(8, 5) / 2]
    values = np.concatenate([batch.reshape(-1, 3) for batch in batches]).astype(np.float64)
    found = measured(batches)
    np.testing.assert_allclose(found["mean"], values.mean(axis=0))
    np.testing.assert_allclose(found["std"], values.std(axis=0))
    with pytest.raises(ValueError, match="Expected tiles that vary in every channel. Received: 16 pixels"):
        measured([np.full((1, 4, 4, 3), 255, np.uint8)])


def test_an_unknown_backbone_is_refused():
    with pytest.raises(ValueError, match="Expected `backbone` to be one of .* Received: 'vgg'"):
        built(backbone="vgg")
