"""lerousseau2020's Table 1 and figure 2: the 15 configurations of alpha and beta, pixel by pixel.

Every configuration trains the recipe once a seed; its maps are scored on the run's own test slides (in-distribution)
and, where --out-of-location names another data set, on all slides of that one, which no run has seen.

    python benchmarks/alpha_beta.py --data DIR --out-of-location DIR2 --seeds 3 --out docs/results/alpha_beta.csv

Runs are kept in --runs, and what is in --out already is kept too, so that the benchmark can be stopped and gone on
with; rows of other options or data are refused. Beside the CSV stand the matrices of figure 2 as a PNG;
benchmarks/tables.py has the table.
"""

import argparse
import sys
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

STEPS = 5  # of 0.2 (lerousseau2020, section 3.1)
# Text, so that they are exactly these; alpha is above 0, and alpha + beta at most 1 (there too).
CONFIGURATIONS = tuple((str(Decimal(a) / STEPS), str(Decimal(b) / STEPS))
                       for a in range(1, STEPS + 1) for b in range(STEPS + 1 - a))
IN, OUT = "in-distribution", "out-of-location"
RESAMPLES = 2000


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of bags of slides with splits, truth known (default: embedded phantoms)")
    parser.add_argument("--out-of-location", metavar="DIR", help="folder of bags of slides from other locations")
    parser.add_argument("--runs", default="runs-alpha-beta", help="folder of the runs (default: runs-alpha-beta)")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 to S-1 (default: 3)")
    parser.add_argument("--only", nargs="+", metavar="A,B", help="some configurations, such as 0.2,0.2 1,0")
    parser.add_argument("--quick", action="store_true", help="the recipe's small network and few epochs")
    parser.add_argument("--map", choices=("tile", "position"), help="of what a pixel is judged (default: the run's)")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="options of the recipe")
    parser.add_argument("--out", help="CSV to write")
    given = parser.parse_args(args)
    chosen = CONFIGURATIONS if given.only is None else [tuple(each.split(",")) for each in given.only]
    strange = [each for each in chosen if each not in CONFIGURATIONS]
    if strange:
        parser.error(f"expected --only of {' '.join(map(','.join, CONFIGURATIONS))}, received {','.join(strange[0])}")
    from tfrecords import DatasetError

    try:
        given.data = _data(given)
        given.made = _made(given)
        _check_rows(given)
        run_all(chosen, given)
    except DatasetError as error:
        print(f"alpha_beta: {error}", file=sys.stderr)
        return 2
    return 0


def _data(given):
    """The folder to learn from. Raises DatasetError, before anything is trained, where the other has its patients."""
    from mil_tf.embedded import embedded_dataset
    from tfrecords import Dataset, DatasetError

    data = given.data or embedded_dataset("lerousseau2020")
    if given.out_of_location:
        known, others = ({row.patient for row in Dataset(folder).rows} for folder in (data, given.out_of_location))
        shared = sorted(known & others)
        if shared:
            raise DatasetError(f"{given.out_of_location}: Expected other patients than {data} has. Received: "
                               f"{len(shared)} that it has, such as {shared[0]!r}.")
    return data


def _made(given):
    """What a row must have been made with to stand in one table with the others."""
    from mil_tf import runs
    from tfrecords import Dataset

    folders = {"data": given.data, "other_data": given.out_of_location}
    shards = {name: f"sha256 {runs.digest(Dataset(folder).info['shards'])[:12]}" if folder else "none"
              for name, folder in folders.items()}
    words = [*(["--quick"] if given.quick else []), *sorted(given.set), *([f"map={given.map}"] if given.map else [])]
    return {"options": " ".join(words) or "none", **shards}


def _check_rows(given):
    """Raises DatasetError where --out has rows that were made with something else."""
    from benchmarks.common import read_csv
    from tfrecords import DatasetError

    for row in read_csv(given.out):
        for name, value in given.made.items():
            if str(row.get(name)) != value:
                raise DatasetError(f"{given.out}: Expected rows made with {name} {value}. Received: rows with "
                                   f"{row.get(name)}; give another --out.")


def run_all(chosen, given):
    """Measures what --out does not have yet, seed by seed, and draws the matrices after each seed."""
    from benchmarks.alpha_beta_figure import write_figure
    from benchmarks.common import read_csv, write_csv

    results = read_csv(given.out)
    known = {(name_of(row), row["seed"]) for row in results}
    for seed in range(given.seeds):
        for configuration in chosen:
            if (configuration, seed) in known:
                continue
            results += measure(*configuration, seed, given)
            if given.out:
                write_csv(given.out, results)
        if given.out and results:
            write_figure(Path(given.out).with_suffix(".png"), results)
    _tell(results)


def name_of(row):
    """(alpha, beta) of a row of results, as CONFIGURATIONS has them."""
    return tuple(f"{float(row[name]):g}" for name in ("alpha", "beta"))


def _tell(results):
    from benchmarks.alpha_beta_pattern import pattern

    print(pattern(results), flush=True)


def measure(alpha, beta, seed, given):
    """Trains one configuration with one seed; returns its rows, one a cohort, location and kind of background."""
    run = _trained(alpha, beta, seed, given.data, given)
    cohorts = {IN: ("test", None)}
    if given.out_of_location:
        from mil_tf.inference import predict_dataset

        predict_dataset(run, Path(given.out_of_location), OUT)
        cohorts[OUT] = (OUT, given.out_of_location)
    facts = {**given.made, **_facts(run)}
    return [{"alpha": alpha, "beta": beta, "seed": seed, "cohort": cohort, **row, **facts}
            for cohort, (name, folder) in cohorts.items() for row in scored(run, name, folder, given.map)]


def _trained(alpha, beta, seed, data, given):
    """The run of a configuration, gone on with where it is there."""
    import train

    out = Path(given.runs) / f"alpha-{alpha}-beta-{beta}"
    command = ["--recipe", "lerousseau2020", "--data", str(data), "--out", str(out), "--resume", "--seed", str(seed)]
    quick = ["--quick"] if given.quick else []
    code = train.main([*command, *quick, "--set", f"alpha={alpha}", f"beta={beta}", *given.set])
    if code:
        raise SystemExit(code)
    (run,) = out.glob(f"lerousseau2020/bags-*/fold-0/seed-{seed}")
    return run


def scored(run, name, data=None, kind=None):
    """Rows of a run's maps of a cohort, one a location, without and with background.

    Args:
        run: its folder.
        name: of the cohort's tables.
        data: folder of the cohort's data set, None where it is the run's own.
        kind: tile or position, what a pixel's probability is of; None is the run's option.
    """
    from mil_tf import runs
    from mil_tf.evaluation.pixel_run import run_pixels
    from mil_tf.evaluation.pixels import Pixels
    from mil_tf.evaluation.run import validation_threshold
    from mil_tf.evaluation.tables import read_predictions

    ids = read_predictions(Path(run) / f"predictions-{name}.csv").id
    found = run_pixels(run, name, ids, runs.read_config(run), validation_threshold(run), RESAMPLES, 0, data, kind)
    if not isinstance(found, Pixels):
        raise SystemExit(f"alpha_beta: Expected maps of {name} in {run} and slides whose truth is known. Received: "
                         f"{found or 'no maps'}")
    return [_row(part, found) for part in found.parts]


def _row(part, found):
    row = {"location": part.location or "all", "background": "yes" if part.background else "no",
           "slides": part.slides, "patients": part.patients}
    for name, estimate in part.estimates.items():
        ends = zip(("", "_low", "_high"), estimate[:3])
        row |= {f"{name}{end}": round(float(value), 4) for end, value in ends}
    return {**row, "threshold": round(found.threshold, 4), "map": found.map}


def _facts(run):
    from benchmarks.ratios import machine
    from mil_tf import runs

    config, progress = runs.read_config(run), runs.read_json(run / runs.PROGRESS)
    kept = {name: config["options"].get(name) for name in ("backbone", "patches")}
    versions = {"tensorflow": config["versions"].get("tensorflow")}
    return {"bags": config["bags"], "epochs": config["options"]["max_epochs"], **kept,
            "seconds": round(progress["seconds"]), **versions, **machine()}


if __name__ == "__main__":
    sys.exit(main())
