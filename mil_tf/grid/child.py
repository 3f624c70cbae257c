"""One run in a process of its own: `python -m mil_tf.grid.child`.

Its task comes as JSON on stdin, what became of the run goes as JSON to stdout. It ends with the process at the other
end of stdin, however that dies.
"""

import dataclasses
import json
import os
import sys
import threading
import traceback

from mil_tf import recipes, runs
from mil_tf.options import resolve
from mil_tf.runs import Job, RunError
from mil_tf.training.interrupt import Interrupted, termination_as_ctrl_c
from mil_tf.training.lock import HeldError
from tfrecords import Dataset, DatasetError, quiet

LOG = "train.log"
WAITS = "it waits for a person, see its train.log; the same command goes on when they are done"
# What can become of a run. REFUSED is what no run of the same command could do; LOST went down with its worker.
DONE, STOPPED, HELD, FAILED, REFUSED, LOST = "done", "stopped", "held", "failed", "refused", "lost"


def task_of(job, data, out):
    """What a child must be told of a run: the command that it is part of, and all that `train` takes."""
    return {"job": dataclasses.asdict(job), "data": str(data), "out": str(out), "command": sys.argv}


def train_one(task):
    """Trains the run of a task, or goes on with it; returns (what became of it, one line)."""
    sys.argv = task["command"]  # it is noted in the run's config
    job = _job(task["job"])
    show = _log(job.folder(task["out"]))
    became, why = _train(job, task, show)
    if became in (STOPPED, FAILED):
        show(why)
    return became, why


def _train(job, task, show):
    quiet.tensorflow()
    from mil_tf.training.loop import NonFiniteError
    from mil_tf.training.run import train

    try:
        folder = train(job, Dataset(task["data"]), task["out"], resume=True, show=show)
        return (DONE, "") if runs.is_finished(folder) else (FAILED, WAITS)
    except HeldError as error:
        return HELD, str(error)
    except (Interrupted, KeyboardInterrupt) as error:
        return STOPPED, str(error)
    except (NonFiniteError, RunError, DatasetError) as error:
        return FAILED, str(error)
    except ValueError as error:
        return REFUSED, str(error)
    except Exception as error:  # a run that runs out of memory, say, must not stop the others
        traceback.print_exc()
        return FAILED, f"{type(error).__name__}: {' '.join(str(error).split())}"


def _job(given):
    options = resolve(recipes.load(given["recipe"]).OPTIONS, given["options"])
    return Job(**{**given, "options": options})


def _log(folder):
    def show(line):
        if folder.exists():  # a run that never began has none
            with open(folder / LOG, "a", encoding="utf-8") as file:
                print(line, file=file)

    return show


def _task():
    """The first line of stdin, read without a buffer, since a thread waits for its end afterwards."""
    text = b""
    while not text.endswith(b"\n"):
        part = os.read(0, 65536)
        if not part:
            sys.exit(1)
        text += part
    return json.loads(text)


def _follow_parent():
    os.read(0, 1)
    os._exit(1)


def main():
    """Trains the run that stdin names."""
    task = _task()
    threading.Thread(target=_follow_parent, daemon=True).start()
    try:
        with termination_as_ctrl_c():
            found = train_one(task)
    except KeyboardInterrupt:
        found = STOPPED, ""
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
