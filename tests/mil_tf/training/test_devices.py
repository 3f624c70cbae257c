import pytest
import tensorflow as tf

from mil_tf.training import devices


@pytest.mark.parametrize(
    "text, expected", [
        ("processor\t: 0\nflags\t\t: fpu avx512_bf16 amx_tile\n", {"fpu", "avx512_bf16", "amx_tile"}),
        ("Features\t: fp asimd bf16\n", {"fp", "asimd", "bf16"}), ("model name: x\n", set()), (None, set()),
    ],
)
def test_the_processors_features_are_read(tmp_path, text, expected):
    path = tmp_path / "cpuinfo"
    if text is not None:
        path.write_text(text)
    assert devices.cpu_flags(path) == expected


@pytest.mark.parametrize(
    "gpus, flags, expected", [
        ([], {"avx512_bf16"}, "bfloat16"), ([], {"amx_bf16"}, "bfloat16"), ([], {"bf16"}, "bfloat16"),
        ([], {"avx2"}, "float32"), ([(9, 0)], set(), "bfloat16"), ([(7, 5)], {"amx_bf16"}, "float16"),
        ([(8, 0), (7, 0)], set(), "float16"), ([(0, 0)], set(), "float16"),
    ],
)
def test_the_search_computes_in_what_the_device_computes_in(monkeypatch, gpus, flags, expected):
    monkeypatch.setattr(devices, "cpu_flags", lambda: flags)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: list(range(len(gpus))))
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {"compute_capability": gpus[gpu]})
    assert devices.search_dtype() == expected


def test_memory_grows_where_nothing_has_run_yet(monkeypatch):
    grown = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a", "b"])
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda *given: grown.append(given))
    devices.set_up()
    assert grown == [("a", True), ("b", True)]

    def late(*given):
        raise RuntimeError("running already")

    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", late)
    devices.set_up()


def test_float32_is_float32():
    tf.config.experimental.enable_tensor_float_32_execution(True)
    devices.set_up()
    assert not tf.config.experimental.tensor_float_32_execution_enabled()
