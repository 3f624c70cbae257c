"""Ctrl-C and SIGTERM as a flag that the loop looks at between windows, so that it always stops at a whole one."""

import contextlib
import os
import signal
import threading

WORDS = b"\nstopping after this window, with a checkpoint; once more stops at once\n"


class Interrupted(RuntimeError):
    """Training stopped on request after writing a checkpoint; the message says how to resume."""


@contextlib.contextmanager
def termination_as_ctrl_c():
    """Within it SIGTERM raises KeyboardInterrupt, as Ctrl-C does, so that both end with the same words."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextlib.contextmanager
def interruption():
    """Yields a function that says whether SIGINT or SIGTERM has come.

    A second one of the same kind takes its usual effect at once. Outside the main thread, where Python allows no
    handlers, the function always says no.
    """
    seen = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    previous = {}

    def note(number, _frame):
        seen.append(number)
        os.write(2, WORDS)  # print may be the very thing that was interrupted
        signal.signal(number, previous[number])

    for number in (signal.SIGINT, signal.SIGTERM):
        previous[number] = signal.signal(number, note)
    try:
        yield lambda: bool(seen)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
