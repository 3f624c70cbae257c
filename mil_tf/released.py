"""Weights that authors published, as Keras networks and SavedModels.

    python -m mil_tf.released nemcek2021 FILE.pt --out MODEL

FILE.pt is a state dict that PyTorch saved; PyTorch is not needed. Nothing that the file names is run, and a file that
holds anything but the network's tensors is refused. MODEL gets

    network.keras   three standardised channels (n, h, w, 3) -> {"logit": (n, 1), "map": (n, h/8, w/8, 1)}
                    (import mil_tf.models.position_mil before Keras loads it)
    export/         a SavedModel, HU (n, h, w, 1) -> the same; channels and constants are those of the authors' code
    source.json     which file it was made of

The map is of logits (max pooling) or of attention weights. The weights stay their authors', under their terms.

Exit code: 0, or 2 where the file is refused.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

PAPERS = ("nemcek2021",)


class OutputError(ValueError):
    """A folder that cannot be written to; the message is one line."""


def main(args=None):
    """Runs the command; returns its exit code."""
    args = parser().parse_args(args)
    from mil_tf.conversion.steps import StateError

    try:
        run(args)
    except (StateError, OutputError, OSError) as error:
        print(f"python -m mil_tf.released: {error}", file=sys.stderr)
        return 2
    return 0


def parser():
    """The command's arguments."""
    found = argparse.ArgumentParser(
        "python -m mil_tf.released", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("paper", choices=PAPERS, help="whose weights they are")
    found.add_argument("file", metavar="FILE.pt", help="the authors' file")
    found.add_argument("--out", required=True, metavar="MODEL", help="folder to make")
    found.add_argument("--force", action="store_true", help="replace MODEL where it is one of this command's")
    return found


def run(args):
    """Reads the file, builds the network, and writes the folder whole."""
    from mil_tf.conversion.torch_file import read_state
    from tfrecords import quiet

    out = Path(args.out)
    _check_room(out, args.force)
    state = read_state(args.file)
    quiet.tensorflow()
    from mil_tf.conversion import nemcek2021

    nemcek2021.check(state, args.file)
    pooling = nemcek2021.pooling_of(state)
    _write(nemcek2021.converted(state), pooling, args.file, out)
    print(f"{args.file}: {len(state)} tensors, {pooling} pooling; left out: {nemcek2021.LEFT_OUT}")
    print(f"{out / 'network.keras'} takes standardised channels, {out / 'export'} HU")


def _check_room(out, force):
    if not out.exists() or (force and (out / "source.json").is_file()):
        return
    hint = "give another --out, or --force to replace it." if (out / "source.json").is_file() else "give another --out."
    raise OutputError(f"--out: {out} is there already; {hint}")


def _write(network, pooling, file, out):
    from mil_tf import runs
    from mil_tf.conversion.exported import save
    from mil_tf.models.position_mil import taking_hu
    from tfrecords.writer import file_hash

    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    network.save(part / "network.keras")
    save(taking_hu(network), part / "export")
    runs.write_json(part / "source.json", {
        "paper": "nemcek2021", "form": "released", "pooling": pooling, "file": Path(file).name,
        "sha256": file_hash(file),
    })
    shutil.rmtree(out, ignore_errors=True)
    os.replace(part, out)


if __name__ == "__main__":
    sys.exit(main())
