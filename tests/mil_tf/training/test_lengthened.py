import pytest

from mil_tf.options import resolve
from mil_tf.recipes import remedios2020 as recipe
from mil_tf.training.lengthened import lengthened
from mil_tf.training.method import window_of


def options(**more):
    return resolve(recipe.OPTIONS, {"warm_up": 16, "warm_up_window": 8, "max_epochs": 24, **more})


def test_a_warm_up_has_the_epochs_that_it_is_given_unless_steps_are_asked_for():
    assert lengthened(options(), 10) == options()
    assert lengthened(options(warm_up=0, warm_up_steps=1000), 10) == options(warm_up=0, warm_up_steps=1000)


@pytest.mark.parametrize("bags", [1, 7, 8, 9, 100, 671, 672, 5000])
def test_few_bags_are_seen_more_often_until_the_steps_are_made(bags):
    found = lengthened(options(warm_up_steps=500), bags)
    steps = -(-bags // 8)
    assert found["warm_up"] * steps >= 500
    assert found["warm_up"] == 16 or (found["warm_up"] - 1) * steps < 500
    assert found["max_epochs"] - found["warm_up"] == 8
    assert lengthened(found, bags) == found
    assert window_of(found)(found["warm_up"] - 1) == 8
