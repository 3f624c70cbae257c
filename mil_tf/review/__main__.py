"""Review what a model has segmented: accept or reject, slice by slice (parida2021, section 3, stage 2).

    python -m mil_tf.review FOLDER --reviewer anna     serves the page on this machine; open the address it prints
    python -m mil_tf.review FOLDER --status            how far it is, and how far reviewers agree
    python -m mil_tf.review FOLDER --export DIR        the page as a folder, for people without this server
    python -m mil_tf.review FOLDER --import FILE       takes in the decisions.csv that such a page has saved

FOLDER holds candidates.csv, candidates.json and candidates/ID.npz, which stage 2 writes; decisions are added to
FOLDER/decisions.csv one by one, each on the disk before the next. Nothing else is changed, and masks never are.
Several people can review one FOLDER at the same time, with one server or several. How to: docs/REVIEW.md.

Exit code: 0, 1 where decisions of a file could not be taken in, 2 where the command could not start or go on.
"""

import argparse
import contextlib
import sys

PORT = 8765  # our decision
INTERRUPTED = 130  # the shell's code for a command that SIGINT ended
SHARE = 0.1  # of the slices that everyone judges: 780 of the paper's 7,785; our decision


def main(args=None):
    """Runs the command; returns its exit code."""
    given = parser().parse_args(args)
    from mil_tf.review.candidates import CandidateError
    from mil_tf.review.server import ServerError

    try:
        return run(given)
    except (CandidateError, ServerError, OSError) as error:
        print(f"python -m mil_tf.review: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # the server ends with it as it should; an export is cut short
        print("python -m mil_tf.review: stopped", file=sys.stderr)
        return INTERRUPTED


def parser():
    """The command's arguments."""
    found = argparse.ArgumentParser(
        "python -m mil_tf.review", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("folder", metavar="FOLDER", help="with candidates.csv")
    found.add_argument("--reviewer", metavar="NAME", help="who judges; asked on the page where it is not given")
    found.add_argument("--port", type=int, default=PORT, help=f"of 127.0.0.1 (default: {PORT}; 0: any that is free)")
    found.add_argument("--order", choices=("shuffled", "table"), default="shuffled",
                       help="of the slices (default: shuffled, the same for all reviewers)")
    found.add_argument("--overlap", type=share, default=SHARE, metavar="SHARE",
                       help=f"of the slices that every reviewer judges, for their agreement (default: {SHARE})")
    found.add_argument("--seed", type=int, default=0, help="of the order and of what everyone judges (default: 0)")
    task = found.add_mutually_exclusive_group()
    task.add_argument("--status", action="store_true", help="print how far the review is, and end")
    task.add_argument("--export", metavar="DIR", help="write the page as a folder, which must be new or empty; with "
                      "--reviewer only what that person has yet to judge")
    task.add_argument("--import", metavar="FILE", dest="taken",
                      help="take in decisions that an exported page has saved")
    return found


def share(text):
    """A number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"Expected a share from 0 to 1. Received: {text}.")
    return value


def run(given):
    """Does what the arguments ask for; returns the exit code."""
    from mil_tf.review import offline, server, status
    from mil_tf.review.desk import Desk

    reviewer = given.reviewer and server.reviewer_name(given.reviewer)
    desk = Desk(given.folder, given.order, given.overlap, given.seed)
    if given.status:
        print("\n".join(status.lines(desk)))
        return 0
    if given.export:
        print(offline.export(desk, given.export, reviewer))
        return 0
    if given.taken:
        told, left_out = offline.take_in(desk, given.taken)
        print("\n".join([told, *left_out]))
        return 1 if left_out else 0
    return _serve(desk, reviewer, given.port)


def _serve(desk, reviewer, port):
    from mil_tf.review import server

    app = server.make_app(desk, reviewer)
    for problem in [*desk.stands()[2], *desk.unreadable.values()]:
        print(problem, file=sys.stderr)
    with server.listen(port) as connection, contextlib.suppress(KeyboardInterrupt):
        told = f"{len(desk.ids())} slices to review at {{}} (Ctrl-C ends; every decision is on the disk)"
        server.serve(app, connection, lambda address: print(told.format(address), flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
