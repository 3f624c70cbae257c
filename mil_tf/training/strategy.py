"""`--strategy`: the devices and machines that a run is spread over, as a `tf.distribute` strategy."""

import json
import os
import signal
import threading

import tensorflow as tf

# Our decision: where the workers of a SLURM step listen. 16 ports a job, below the ports that Linux gives to clients.
FIRST_PORT, PORTS_A_JOB, PORTS = 10_000, 16, 20_000


class StrategyError(ValueError):
    """A run that cannot be spread as asked; the message is one line."""


def build(name):
    """Returns the `tf.distribute.Strategy` of "mirrored" or "multiworker", or None where there is one device alone.

    `mirrored` takes all GPUs of this process, or without one all logical CPU devices. `multiworker` takes the GPUs of
    every worker that TF_CONFIG or the SLURM step names, and waits for all of them; it must come before anything else
    runs on a device.

    Raises:
        StrategyError: there is no cluster to be a worker of.
    """
    tf.get_logger().setLevel("ERROR")  # it warns of a graph for every replica and length, which is what is wanted
    return _mirrored() if name == "mirrored" else _multiworker(os.environ)


def _mirrored():
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices]) if len(devices) > 1 else None


def _multiworker(environ):
    if environ.get("TF_CONFIG"):
        cluster, kind, index = tf_config(environ["TF_CONFIG"])
    elif "SLURM_STEP_NUM_TASKS" in environ:
        cluster, kind, index = slurm(environ)
        _take_gpus(cluster.task_address(kind, index), cluster.job_tasks(kind), environ)
    else:
        raise StrategyError(
            "--strategy multiworker: Expected TF_CONFIG in the environment, or a SLURM step (srun). Received: neither."
        )
    if sum(cluster.num_tasks(job) for job in cluster.jobs) == 1:
        return _mirrored()
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        cluster, task_type=kind, task_id=index, rpc_layer="grpc",
        num_accelerators={"GPU": len(tf.config.get_visible_devices("GPU"))},
    )
    strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
    _take_back_sigterm()
    return strategy


def tf_config(text):
    """(ClusterSpec, "chief" or "worker", index) of a TF_CONFIG. Raises StrategyError."""
    try:
        config = json.loads(text)
        cluster, kind, index = config["cluster"], config["task"]["type"], int(config["task"]["index"])
        known = {job: len(cluster[job]) for job in cluster if job in ("chief", "worker")}
        if set(known) != set(cluster) or not 0 <= index < known.get(kind, 0):
            raise ValueError
        return tf.train.ClusterSpec(cluster), kind, index
    except (ValueError, TypeError, KeyError) as error:
        raise StrategyError(
            'TF_CONFIG: Expected {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}. '
            f"Received: {text}"
        ) from error


def slurm(environ):
    """(ClusterSpec, "worker", index) of the SLURM step that this process is a task of. Raises StrategyError."""
    job, tasks = int(environ.get("SLURM_JOB_ID", 0)), int(environ["SLURM_STEP_NUM_TASKS"])
    # The resolver's own division of GPUs fails without any, and where SLURM has divided them already.
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
        port_base=FIRST_PORT + PORTS_A_JOB * job % PORTS, gpus_per_node=tasks, gpus_per_task=1, auto_set_gpu=False
    )
    cluster = resolver.cluster_spec()
    kind, index = resolver.get_task_info()
    host, node = cluster.task_address(kind, index).rpartition(":")[0], environ.get("SLURMD_NODENAME")
    if node and node != host:  # the resolver takes the nodes in alphabetical order, n10 before n9
        raise StrategyError(
            f"--strategy multiworker: Expected the nodes of the step in alphabetical order. Received: task {index} on "
            f"{node} and not on {host}; choose other nodes, or set TF_CONFIG in every task."
        )
    return cluster, kind, index


def _take_gpus(address, addresses, environ):
    """Leaves this task its part of the node's GPUs, where SLURM has not bound them to tasks."""
    host = address.rpartition(":")[0]
    tasks = sum(other.rpartition(":")[0] == host for other in addresses)
    gpus = tf.config.list_physical_devices("GPU")
    if "SLURM_GPUS_PER_TASK" not in environ and len(gpus) >= tasks > 1:
        tf.config.set_visible_devices(gpus[int(environ["SLURM_LOCALID"]) :: tasks], "GPU")


def _take_back_sigterm():
    """Puts Python's handler of SIGTERM back, which the cluster's own service replaces by one that ignores it."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
