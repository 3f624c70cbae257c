import json
import math

import keras
import numpy as np
import pytest

from mil_tf import runs


def test_a_run_has_its_place():
    assert runs.run_folder("out", "r", 400, 2, 1).as_posix() == "out/r/bags-400/fold-2/seed-1"


def test_json_is_there_whole_or_not_at_all(tmp_path):
    path = tmp_path / "config.json"
    runs.write_json(path, {"a": [1, 2.5, "ä"]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": [1, 2.5, "ä"]}
    for broken in ({"a": object()}, {"a": math.nan}):
        with pytest.raises((TypeError, ValueError)):
            runs.write_json(path, broken)
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": [1, 2.5, "ä"]}


def test_a_table_is_there_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.csv"
    runs.write_table(path, ("x", "y"), [(1, "a,b")])
    assert path.read_bytes() == b'x,y\r\n1,"a,b"\r\n'

    def dies():
        yield 2, "c"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.write_table(path, ("x", "y"), dies())
    assert path.read_bytes() == b'x,y\r\n1,"a,b"\r\n'


@pytest.mark.parametrize("text", [None, "{"])
def test_a_folder_without_a_config_is_no_run(tmp_path, text):
    if text:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(runs.RunError, match=f"Expected a run folder with a config.json. Received: {tmp_path}"):
        runs.read_config(tmp_path)


def test_the_environment_says_what_made_a_figure():
    found = runs.environment()
    assert found["versions"]["tensorflow"] and found["versions"]["keras"] and found["versions"]["python"]
    assert found["hardware"]["cores"] >= 1 and found["commit"] and json.dumps(found)


def test_a_digest_is_equal_for_equal_bits_only():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    before = runs.weights_digest(model)
    assert runs.weights_digest(model) == before
    kernel, bias = model.get_weights()
    kernel[0, 0] = np.nextafter(kernel[0, 0], np.float32(9))
    model.set_weights([kernel, bias])
    assert runs.weights_digest(model) != before
