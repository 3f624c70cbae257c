import json

import pytest

from preprocessing.errors import UsageError
from preprocessing.settings import CtSettings


def test_settings_survive_json():
    settings = CtSettings(size=64, null="-1000", orientation="lps", clip_negative=True, seed=3)
    assert settings.null == -1000 and settings.orientation == "LPS"
    assert CtSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_the_hash_follows_every_setting():
    changed = [
        {},
        {"size": 64},
        {"keep_empty": True},
        {"null": 0},
        {"clip_negative": True},
        {"orientation": "RAS"},
        {"seed": 1},
        {"brain": "native"},
    ]
    assert len({CtSettings(**change).hash() for change in changed}) == 8
    assert CtSettings().hash() == CtSettings(size=512).hash() == "81b79e2c6150cac7"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sise": 3}, "CT settings: Expected size, keep_empty, null, .* Received: 'sise'"),
        ({"size": 0}, "size: Expected a whole number of at least 1. Received: 0"),
        ({"size": 2.5}, "size: Expected a whole number"),
        ({"seed": -1}, "seed: Expected a whole number of at least 0. Received: -1"),
        ({"keep_empty": "no"}, "keep_empty: Expected true or false. Received: 'no'"),
        ({"null": "air"}, "null: Expected auto or a number of HU within float16. Received: 'air'"),
        ({"null": 1e5}, "null: Expected auto or a number"),
        ({"null": "nan"}, "null: Expected auto or a number"),
        ({"orientation": "RAX"}, "orientation: Expected three letters"),
        ({"orientation": "RLS"}, "orientation: Expected three letters"),
        ({"orientation": "RA"}, "orientation: Expected three letters"),
    ],
)
def test_wrong_settings_are_refused_in_one_line(values, message):
    with pytest.raises(UsageError, match=message) as caught:
        CtSettings.from_dict(values)
    assert "\n" not in str(caught.value)
