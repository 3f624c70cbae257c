"""Importing TensorFlow without the notices that its libraries print at start-up.

They are written by C++ code straight to the process' stderr, some of them before TensorFlow reads
TF_CPP_MIN_LOG_LEVEL, so the descriptor itself is held back while they come. What is not a known notice is
passed on. Setting TF_CPP_MIN_LOG_LEVEL, to 0 for instance, brings everything back.
"""

import contextlib
import os
import re
import sys
import tempfile

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
FATAL_ONLY = "3"  # 2 still notes as errors what is none, such as a missing GPU; real ones are exceptions
# What every start on a machine without a GPU prints (2.15 to 2.21), and the double registration that 2.15 to
# 2.18 note as an error though nothing is wrong.
NOTICES = re.compile(
    r"All log messages before absl::InitializeLog|oneDNN custom operations|cuda drivers|"
    r"Unable to register cu\w+ factory|computation_placer already registered|"
    r"optimized to use available CPU instructions|To enable the following instructions|TF-TRT Warning"
)


def tensorflow():
    """Returns the module `tensorflow`, imported quietly unless TF_CPP_MIN_LOG_LEVEL is set."""
    if "tensorflow" not in sys.modules and LEVEL not in os.environ:
        os.environ[LEVEL] = FATAL_ONLY
        with _without_notices():
            import tensorflow  # noqa: F401
    import tensorflow as tf

    return tf


@contextlib.contextmanager
def _without_notices():
    """Holds back what is written to descriptor 2, and passes on afterwards what is no notice."""
    sys.stderr.flush()
    stderr = os.dup(2)
    try:
        with tempfile.TemporaryFile() as held:
            os.dup2(held.fileno(), 2)
            try:
                yield
            finally:
                sys.stderr.flush()
                os.dup2(stderr, 2)
                held.seek(0)
                _pass_on(held.read().decode(errors="replace"))
    finally:
        os.close(stderr)


def _pass_on(text):
    kept = [line for line in text.splitlines(keepends=True) if line.strip() and not NOTICES.search(line)]
    os.write(2, "".join(kept).encode())
