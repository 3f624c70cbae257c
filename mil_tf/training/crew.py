"""The replicas of a run, on the devices of this process and of others, and the one way in which they talk: a sum."""

import contextlib
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import tensorflow as tf

from mil_tf.training.strategy import StrategyError

WORD_BITS = 16  # of a digest that is sent as float32, which holds them exactly


class WorkerError(RuntimeError):
    """Another worker failed or was lost; the message says what to do."""


class Alone:
    """The crew of one device: everything is done here, and nothing is sent."""

    chief, replicas = True, 1

    def agreed(self, stop_requested):
        """The function itself."""
        return stop_requested

    def agree(self, what, digest):
        """One always agrees with oneself."""

    def of_chief(self, function, length=0):
        """function()."""
        return function()

    def part(self):
        """There is no one to part from."""


class Crew:
    """The replicas of a `tf.distribute.Strategy`.

    All workers call `total` (and what calls it) equally often and in the same order, because it ends in a collective
    that waits for every one of them. A wish to stop and the failure of a worker travel with it, so that all stop at the
    same place.

    Args:
        strategy: MirroredStrategy or MultiWorkerMirroredStrategy.

    Attributes:
        replicas: how many there are on all workers.
        numbers: which of them this process holds; replica 0 is the chief's.
        devices: their devices.
        chief: whether this process writes the run's files.
    """

    def __init__(self, strategy):
        self._strategy = strategy
        self.devices = list(strategy.extended.worker_devices)
        self.replicas = strategy.num_replicas_in_sync
        found = strategy.experimental_distribute_values_from_function(lambda context: context.replica_id_in_sync_group)
        self.numbers = [int(number) for number in strategy.experimental_local_results(found)]
        self.chief = self.numbers[0] == 0
        self._pool = ThreadPoolExecutor(max(1, len(self.devices) - 1))
        self._all_reduce = {}
        self._wish, self._stopping = lambda: False, False

    def agreed(self, stop_requested):
        """A function that says whether any worker had been asked to stop before the last `total`."""
        self._wish, self._stopping = stop_requested, False
        return lambda: self._stopping

    def agree(self, what, digest):
        """Raises StrategyError where the workers give different digests (hex) of `what`."""
        words = np.frombuffer(bytes.fromhex(digest)[:16], np.uint16).astype(np.float32)
        rows = self.total(lambda i: _placed(words, self.numbers[i], self.replicas), self.replicas * len(words)).numpy()
        if (rows.reshape(self.replicas, -1) != rows[: len(words)]).any():
            self.part()
            raise StrategyError(f"--strategy: Expected the same {what} on every worker. Received: different ones.")

    def of_chief(self, function, length=0):
        """What function() gives on the chief, `length` numbers or None, on every worker; the others wait for it."""

        def one(i):
            found = function() if self.numbers[i] == 0 else None
            return np.zeros(length, np.float32) if found is None else np.asarray(found, np.float32)

        return self.total(one, length).numpy()

    def part(self):
        """Ends the talk: every worker calls it, at the same place, before it may end.

        Who has its sum may end while another still fetches it, and would be lost to that one. Of this last sum nobody
        needs the answer: whoever has it knows that all are here, past everything else.
        """
        with contextlib.suppress(WorkerError):
            self.total(lambda i: np.zeros(0, np.float32), 0)

    def total(self, function, length):
        """Sums float32 vectors over all replicas of all workers.

        Args:
            function: i -> (length,), of replica i of this process; called at the same time for all of them, each on
                its device.
            length: the same on every worker.

        Returns:
            float32 tensor (length,), the same bits on every worker.

        Raises:
            WorkerError: another worker raised an error or is gone.
            What the function raised.
        """
        vectors, error = self._vectors(function, length)
        flags = np.zeros((len(vectors), 2), np.float32)
        flags[0] = self._wish(), error is not None
        summed = self._summed([self._joined(*each) for each in zip(self.devices, flags, vectors)])
        stop, failed = summed[:2].numpy()
        self._stopping = bool(stop)
        if failed:
            self.part()
        if error is not None:
            raise error
        if failed:
            raise WorkerError("stopped, because another worker has failed: see what it says")
        return summed[2:]

    def _vectors(self, function, length):
        try:
            return self._each(function), None
        except Exception as error:  # it is raised again when the others know
            return [np.zeros(length, np.float32)] * len(self.devices), error

    def _each(self, function):
        """The first in this thread, so that Ctrl-C finds it, the others beside it; all have ended on return."""

        def placed(i):
            with tf.device(self.devices[i]):
                return function(i)

        others = [self._pool.submit(placed, i) for i in range(1, len(self.devices))]
        try:
            first = placed(0)
        finally:
            wait(others)
        return [first, *(other.result() for other in others)]

    def _joined(self, device, flags, vector):
        with tf.device(device):
            return tf.concat([flags, vector], 0)

    def _summed(self, vectors):
        first = self.numbers[0]
        values = self._strategy.experimental_distribute_values_from_function(
            lambda context: vectors[context.replica_id_in_sync_group - first]
        )
        all_reduce = self._all_reduce.setdefault(len(vectors[0]), tf.function(self._reduced))
        try:
            return self._strategy.experimental_local_results(all_reduce(values))[0]
        except tf.errors.OpError as error:
            if len(self.devices) == self.replicas:
                raise
            raise WorkerError(
                "another worker was lost; start all workers again with the same command and --resume"
            ) from error

    def _reduced(self, values):
        def one(vector):
            context = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(vector))  # an argument has no device

        return self._strategy.run(one, args=(values,))


def _placed(row, number, rows):
    found = np.zeros((rows, len(row)), np.float32)
    found[number] = row
    return found.ravel()
