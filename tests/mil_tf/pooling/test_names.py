import pytest

from mil_tf.pooling.names import POOLINGS, pooling
from mil_tf.registry import UnknownNameError


@pytest.mark.parametrize("name", POOLINGS)
def test_every_name_gives_its_layer(name):
    layer = pooling(name, axis=(-3, -2), name="pooling")
    assert type(layer) is POOLINGS[name] and layer.axis == (-3, -2) and layer.name == "pooling"


def test_options_in_the_text_win():
    assert pooling("noisy_and(slope=7.5)", slope=5, start=0.3).get_config().items() >= {"slope": 7.5, "start": 0.3}.items()
    assert pooling("log_sum_exp(r=1)").r == 1 and pooling("attention(units=36, use_bias=True)").units == 36


@pytest.mark.parametrize(
    "text, told", [
        ("noisyor", "Expected the name of a pooling, one of max, mean, .*Received: 'noisyor'; did you mean 'noisy_or'?"),
        ("top", r"one of max, mean, .*Received: 'top'\."),
        ("max(", r"Expected the pooling as Name, .*Received: 'max\('"),
        ("mean(r=2)", r"'mean' cannot be made with r=2: "),
        ("log_sum_exp(r=0)", "'log_sum_exp' cannot be made with r=0: Expected `r` as a number above 0. Received: r=0"),
    ],
)
def test_what_is_no_pooling_is_refused(text, told):
    with pytest.raises(UnknownNameError, match=told):
        pooling(text)
