"""What the devices of this machine can do, and how they are set up."""

from pathlib import Path

import tensorflow as tf

CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # x86, x86, ARM: without one of them bfloat16 is emulated, and slow
BFLOAT16_FROM = (8, 0)  # CUDA compute capability


def search_dtype():
    """Name of the fastest precision that the search for the top slice can use here: a fact of the machine alone."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        able = all(_capability(gpu) >= BFLOAT16_FROM for gpu in gpus)
        return "bfloat16" if able else "float16"
    return "bfloat16" if CPU_FLAGS & cpu_flags() else "float32"


def cpu_flags(path="/proc/cpuinfo"):
    """The processor's features as Linux names them; empty elsewhere."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    names = ("flags", "Features")
    return next((set(line.partition(":")[2].split()) for line in lines if line.startswith(names)), set())


def set_up():
    """Before anything runs: float32 means float32, and GPUs take memory as it is needed, so that runs can share one.

    TensorFlow lets recent GPUs multiply float32 with the 10 bits of TF32 otherwise, and then neither the gradient nor
    the rescoring of close calls would be exact.
    """
    tf.config.experimental.enable_tensor_float_32_execution(False)
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # running already: whoever set it up has decided
            return


def _capability(gpu):
    return tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))
