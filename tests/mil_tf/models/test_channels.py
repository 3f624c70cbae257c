import keras
import numpy as np
import pytest

from mil_tf.models.channels import RELEASED_MEAN, RELEASED_STD, HuChannels, measured


def test_the_channels_are_the_stored_value_and_both_windows():
    plain = HuChannels((0, 0, 0), (1, 1, 1))
    hu = np.float32([-1024, -15, 0, 40, 50, 80, 115, 3000])
    raw, brain, subdural = np.moveaxis(plain(hu.reshape(1, 2, 4, 1)).numpy().reshape(8, 3), 1, 0)
    np.testing.assert_allclose(raw, hu + 1024)
    np.testing.assert_allclose(brain, [0, 0, 0, 2048, 2560, 4096, 4096, 4096])
    np.testing.assert_allclose(subdural, np.float64([0, 0, 15, 55, 65, 95, 130, 130]) / 130 * 4096, rtol=1e-6)


def test_they_are_standardised_by_the_constants_given():
    hu = np.random.default_rng(0).normal(40, 60, (2, 5, 6, 1)).astype(np.float32)
    plain, released = HuChannels((0, 0, 0), (1, 1, 1))(hu), HuChannels()(hu)
    np.testing.assert_allclose(released, (plain.numpy() - 400) / 1000, rtol=1e-5, atol=1e-6)
    assert (RELEASED_MEAN, RELEASED_STD) == ((400,) * 3, (1000,) * 3)
    own = HuChannels((1, 2, 3), (4, 5, 6))(hu).numpy()
    np.testing.assert_allclose(own, (plain.numpy() - [1, 2, 3]) / [4, 5, 6], rtol=1e-5)


def test_slices_of_a_cheaper_type_are_taken():
    hu = np.random.default_rng(0).integers(-1024, 2048, (1, 4, 4, 1))
    np.testing.assert_array_equal(HuChannels()(hu.astype(np.float16)), HuChannels()(hu.astype(np.float32)))


def test_measured_constants_make_mean_0_and_deviation_1():
    rng = np.random.default_rng(0)
    batches = [rng.normal(40, 80, (count, 7, 9, 1)).astype(np.float16) for count in (3, 1, 4)]
    layer = HuChannels(*measured(iter(batches)), dtype="float64")
    found = np.concatenate([layer(batch).numpy().reshape(-1, 3) for batch in batches])
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(found.std(axis=0), 1, rtol=1e-9)


@pytest.mark.parametrize("batches", [[], [np.zeros((0, 4, 4, 1))], [np.full((1, 4, 4, 1), -1024)]])
def test_what_does_not_vary_cannot_be_standardised(batches):
    with pytest.raises(ValueError, match="Expected slices that vary in every channel"):
        measured(batches)


@pytest.mark.parametrize("mean, std", [((0, 0), (1, 1, 1)), ((0, 0, 0), (1, 0, 1)), ((0, 0, 0), (1, -1, 1)), ((0,) * 4, (1,) * 4)])
def test_constants_that_cannot_be_are_refused(mean, std):
    with pytest.raises(ValueError, match="Expected three numbers"):
        HuChannels(mean, std)


def test_it_comes_back_from_its_config():
    layer = HuChannels((1, 2, 3), (4, 5, 6), name="channels")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert (again.mean, again.std, again.name) == ((1, 2, 3), (4, 5, 6), "channels")
