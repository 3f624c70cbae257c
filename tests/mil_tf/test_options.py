import pytest

from mil_tf.options import FRACTION, Option, OptionError, above, at_least, parse_assignments, resolve

OPTIONS = {
    "rate": Option(0.1, "test", "a rate"), "window": Option(128, "test", "a size"), "norm": Option("none", "test", "a name"),
    "frozen": Option(True, "test", "a switch"), "points": Option((0.0, 1.0), "test", "numbers"),
}


def test_the_last_layer_wins():
    found = resolve(OPTIONS, {"rate": 0.2, "window": 1}, {"window": 2}, {})
    assert found == {"rate": 0.2, "window": 2, "norm": "none", "frozen": True, "points": (0.0, 1.0)}


def test_an_assignment_is_a_literal_or_text():
    given = ["a=1", " b = 2.5", "c=batch", "d=TRUE", "e=False", "f=0,40,80", "g='x y'", "h=Addons>LAMB", "i=", "j=a=b"]
    assert parse_assignments(given) == {
        "a": 1, "b": 2.5, "c": "batch", "d": True, "e": False, "f": (0, 40, 80), "g": "x y", "h": "Addons>LAMB",
        "i": "", "j": "a=b",
    }


@pytest.mark.parametrize("text", ["window", "=3", " =3"])
def test_an_assignment_without_a_name_or_a_value_is_refused(text):
    with pytest.raises(OptionError, match="--set: Expected key=value"):
        parse_assignments([text])


def test_an_unknown_name_is_refused_with_the_nearest_known():
    with pytest.raises(OptionError, match="--set windw: no such option; did you mean 'window'?.*Known: frozen, norm"):
        resolve(OPTIONS, {"windw": 3})


def test_a_whole_number_is_a_number_and_a_list_a_tuple():
    found = resolve(OPTIONS, {"rate": 1, "points": [1.0, 2.0]})
    assert found["rate"] == 1.0 and type(found["rate"]) is float and found["points"] == (1.0, 2.0)


@pytest.mark.parametrize(
    "name, value", [
        ("rate", "fast"), ("rate", True), ("rate", None), ("rate", float("inf")), ("window", 1.5), ("window", True),
        ("window", None), ("norm", 3), ("norm", True), ("norm", None), ("frozen", 1), ("frozen", "yes"), ("points", 3.0),
    ],
)
def test_a_value_of_another_kind_is_refused_in_one_line(name, value):
    with pytest.raises(OptionError) as caught:
        resolve(OPTIONS, {name: value})
    assert str(caught.value).startswith(f"--set {name}: Expected a ") and "\n" not in str(caught.value)
    assert str(caught.value).endswith(f"Received: {value!r}.")


@pytest.mark.parametrize("bound, good, bad, words", [
    (at_least(1), (1, 7), 0, "at least 1"), (above(0), (1e-9,), 0.0, "a number above 0"),
    (FRACTION, (0.0, 0.99), 1.0, "at least 0 and below 1"),
])
def test_a_number_outside_its_bound_is_refused_in_one_line(bound, good, bad, words):
    known = {"rate": Option(good[0], "ours", "", bound)}
    for value in good:
        assert resolve(known, {"rate": value}) == {"rate": value}
    with pytest.raises(OptionError) as caught:
        resolve(known, {"rate": bad})
    assert str(caught.value) == f"--set rate: Expected {words}. Received: {bad!r}."


@pytest.mark.parametrize("text", ["{[]: 1}", "(" * 300 + ")" * 300, "1 +", "\0"])
def test_text_that_is_no_literal_stays_text(text):
    assert parse_assignments([f"a={text}"]) == {"a": text}
