import os
import signal
import threading

import pytest

from mil_tf.training.interrupt import interruption, termination_as_ctrl_c


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_the_second_one_works_as_usual(number):
    with termination_as_ctrl_c(), interruption() as stopped:
        assert not stopped()
        os.kill(os.getpid(), number)
        assert stopped()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
            signal.pause()  # not reached: the handler runs before the next instruction


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with termination_as_ctrl_c(), interruption():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_outside_the_main_thread_there_is_nothing_to_note():
    answers = []

    def work():
        with termination_as_ctrl_c(), interruption() as stopped:
            answers.append(stopped())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [False]
