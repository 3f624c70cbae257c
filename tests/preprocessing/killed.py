"""A job that is killed while it writes its third bag."""

SCRIPT = """
import os, signal, sys
from preprocessing import inputs
from preprocessing.__main__ import main
from preprocessing.slides import job
from tfrecords import writer

if __name__ == "__main__":
    {small}
    write, seen = writer._Shard.write, []

    def counted(shard, bag, **given):
        write(shard, bag, **given)
        seen.append(bag.id)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    writer._Shard.write = counted
    sys.exit(main({arguments!r}))
"""


def script(arguments, small):
    """Its code.

    Args:
        arguments: of `python -m preprocessing`.
        small: a statement that makes shards so small that the third bag is in the middle of the second one.
    """
    return SCRIPT.format(arguments=arguments, small=small)
