"""A whole training step, optimizer included: our ways to the gradient beside PyTorch's and beside the bound.

Bags a second and peak resident memory of ResNet-34 on bags of phantom slices, a window of bags an optimizer step:

    literal                    the paper's loop: a tape over all slices of a bag, the gradient of the top slice's loss
    one batch                  the same with the window as one batch; tens of GB at 512x512, so only where asked for
    select, then gradient      each bag scored without a tape, then its top slice differentiated
    select-then-batch, exact   the product with scoring=exact
    select-then-batch          the product: a folded bfloat16 search, close calls settled exactly
    select-then-batch, head    the same with score_area=head, which is not exact
    PyTorch float32            channels last, scored in inference mode, then the top slice differentiated in float32
    PyTorch bfloat16           the same, scored under autocast
    PyTorch folded             the same with batch norm folded and weights cast, once a window: our own method there
    PyTorch ..., kept memory   with the C library told to keep freed memory, which PyTorch does not do by itself
    bound                      a bare folded bfloat16 pass over the slices, and the gradient of the chosen ones

    python benchmarks/training_step.py --torch-python PATH --out docs/results/training_step.csv
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import material, ratios, rows  # noqa: E402

HERE = Path(__file__).resolve().parent
OURS = ("literal", "one batch", "select, then gradient", "select-then-batch, exact", "select-then-batch", "bound",
        "select-then-batch, head")
TORCH = (
    "PyTorch float32", "PyTorch bfloat16", "PyTorch float32, kept memory", "PyTorch bfloat16, kept memory",
    "PyTorch folded, kept memory", "PyTorch float32 compiled", "PyTorch bfloat16 compiled",
)
DEFAULT = (*(OURS[i] for i in (0, 2, 3, 4, 6)), *TORCH[:5], "bound")
REFERENCES = {
    "to_literal": "literal", "to_torch_float32": "PyTorch float32", "to_torch_bfloat16": "PyTorch bfloat16",
    "to_kept_bfloat16": "PyTorch bfloat16, kept memory", "to_bound": "bound",
}
HEADINGS = {
    "row": "row", "rate": "bags/s", "to_literal": "x literal", "to_torch_float32": "x PyTorch float32",
    "to_torch_bfloat16": "x PyTorch bfloat16", "to_kept_bfloat16": "x the same, kept memory",
    "to_bound": "x bound", "peak_gib": "peak GiB", "close_calls": "close calls", "note": "",
}
# What was aimed at, to print beside what is reached: (column, with empty slices or not) -> ratio.
TARGETS = {
    ("to_literal", False): 2.6, ("to_torch_float32", False): 3.2, ("to_torch_bfloat16", False): 1.5,
    ("to_bound", False): 0.95, ("to_bound", True): 1.12,
}
PRODUCT = "select-then-batch"


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    material.arguments(parser)
    parser.add_argument("--window", type=int, default=4, help="bags an optimizer step (default: 4)")
    parser.add_argument("--repetitions", type=int, default=5, help="of all rows in turn (default: 5)")
    parser.add_argument("--rows", nargs="+", default=list(DEFAULT), choices=OURS + TORCH, metavar="NAME")
    parser.add_argument("--torch-python", metavar="PATH", help="python of an environment with torch and numpy")
    parser.add_argument("--out", help="CSV to write")
    given = parser.parse_args(args)
    folder = material.made(given)
    commands = {name: command(name, folder, given) for name in given.rows}
    found, facts, absent = rows.measure(commands, given.repetitions, lambda line: print(line, file=sys.stderr))
    for replies in found.values():
        closed = [each["close_calls"] for each in replies[1:]]
        replies[-1]["close_calls"] = "" if "" in closed else f"{sum(closed)}/{len(closed) * given.window}"
        replies[-1]["peak_gib"] = round(replies[-1]["peak_gib"], 2)
    table = ratios.table(found, absent, given.window, REFERENCES, ("peak_gib", "close_calls"))
    about = _about(given, folder, facts)
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(ratios.text(table, HEADINGS))
    print(*agreement(found), *aims(table, given.empty > 0), sep="\n")
    if given.out:
        ratios.write(given.out, table, about)
    return 0


def command(name, folder, given):
    """The command of a row's process, or an Absent."""
    if name in OURS:
        return [sys.executable, str(HERE / "training_rows.py"), name, str(folder), str(given.window)]
    if not given.torch_python:
        return rows.Absent("no --torch-python given")
    return [given.torch_python, str(HERE / "torch_rows.py"), name, str(folder), str(given.window)]


def _about(given, folder, facts):
    versions = {key: value for each in facts.values() for key, value in each.items()}
    sizes = {name: getattr(given, name) for name in ("size", "slices", "window")}
    return {**sizes, **material.described(folder), **ratios.machine(), **versions}


def agreement(found):
    """Lines on how far the rows' losses before the first update are from the exact ones: is it the same work?"""
    exact = found.get("select-then-batch, exact")
    for name, replies in found.items() if exact else ():
        if name not in ("bound", "select-then-batch, exact"):
            apart = max(abs(one - two) for one, two in zip(replies[0]["losses"], exact[0]["losses"]))
            same = sum(one == two for one, two in zip(replies[0]["tops"], exact[0]["tops"]))
            yield f"{name}: top slice as exact {same}/{len(replies[0]['tops'])}, loss within {apart:.2g}"


def aims(table, empty):
    """Lines with what is asked of the product and what it reaches."""
    product = next((row for row in table if row["row"] == PRODUCT), None)
    for (column, with_empty), least in TARGETS.items():
        if product and with_empty == empty and product[column] != "":
            yield f"{PRODUCT} {HEADINGS[column]}: {product[column]:.3g}, asked for {least}"


if __name__ == "__main__":
    sys.exit(main())
