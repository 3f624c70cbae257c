import pytest

from preprocessing.errors import UsageError
from preprocessing.fields.settings import FieldSettings


def test_settings_come_back_from_their_dict():
    for settings in (FieldSettings(("a", "b")), FieldSettings(["a"], [10, 12])):
        again = FieldSettings.from_dict(settings.to_dict())
        assert again == settings and again.hash() == settings.hash()


def test_every_setting_changes_the_hash():
    known = [FieldSettings(("a", "b")), FieldSettings(("b", "a")), FieldSettings(("a", "b"), (3, 4)), FieldSettings(("a", "b"), (4, 3))]
    assert len({settings.hash() for settings in known}) == len(known)


@pytest.mark.parametrize("given, message", [
    ({"channels": ()}, "--channels: Expected names"), ({"channels": ("a", "a")}, "each once. Received: 'a,a'"), ({"channels": ("a", "")}, "--channels"),
    ({"channels": ("a",), "crop": (0, 5)}, "--crop: Expected two whole numbers"), ({"channels": ("a",), "crop": (5,)}, "--crop"),
    ({"channels": ("a",), "tile": 5}, "Expected channels, crop. Received: 'tile'"), ({}, "Received: no channels"),
])
def test_settings_that_cannot_be_are_refused(given, message):
    with pytest.raises(UsageError, match=message):
        FieldSettings.from_dict(given)
