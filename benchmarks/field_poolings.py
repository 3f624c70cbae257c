"""kraus2016's tables 1 and 2 on phantoms: all poolings, and the network of cropped cells, on images of held-out wells.

Every row trains the recipe's `quick` profile once a seed and is scored on the run's own test images: the images, their
treatments, and cropped cells by the image's label and by their own. Table 2 is that of a data set with one class an
image (`phantoms fields --kind mechanisms`), table 1 of one with several (`--kind localisation`). A data set split
`--by replicate --hold-out R` gives table 2's held-out repetition.

    python benchmarks/field_poolings.py --data DIR --name all --seeds 3 --out docs/results/field_poolings_mechanisms.csv

Runs are kept in --runs, and what is in --out already is kept too, so that the benchmark can be stopped and gone on
with; rows of one --name are refused where they are of other data or options.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

CELLS = "network of cropped cells"
# Tables 1 and 2, in their order: row -> options of the recipe.
ROWS = {
    CELLS: ("learns_from=cells",),
    **{f"Noisy-AND, a = {a:g}": (f"pooling=noisy_and(slope={a:g})",) for a in (5, 7.5, 10)},
    **{f"LSE, r = {r:g}": (f"pooling=log_sum_exp(r={r:g})",) for r in (1, 2.5, 5)},
    "GM, r = 1 (mean)": ("pooling=mean",),
    **{f"GM, r = {r:g}": (f"pooling=generalized_mean(r={r:g})",) for r in (2.5, 5)},
    "max": ("pooling=max",),
}
LEVELS = ("image", "pool", "treatment", "cell_bag", "cell_own")
RESAMPLES = 2000


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of bags of fields with splits (default: the recipe's phantoms)")
    parser.add_argument("--name", default="all", help="of the data set, a column of the table (default: all)")
    parser.add_argument("--runs", default="runs-field-poolings", help="folder of the runs")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 to S-1 (default: 3)")
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=tuple(ROWS), help="some rows of the table")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="options of the recipe")
    parser.add_argument("--out", help="CSV to write")
    given = parser.parse_args(args)
    from tfrecords import DatasetError

    try:
        run_all(given)
    except DatasetError as error:
        print(f"field_poolings: {error}", file=sys.stderr)
        return 2
    return 0


def run_all(given):
    """Measures what --out does not have yet, seed by seed."""
    from benchmarks.common import read_csv, write_csv
    from mil_tf.embedded import embedded_dataset

    given.data = given.data or embedded_dataset("kraus2016")
    made, results = _made(given), read_csv(given.out)
    _check_rows(results, made, given)
    known = {(row["row"], row["seed"]) for row in results if row["data"] == given.name}
    for seed in range(given.seeds):
        for name in given.only or ROWS:
            if (name, seed) in known:
                continue
            results.append({"row": name, "data": given.name, "seed": seed, **measure(name, seed, given), **made})
            if given.out:
                write_csv(given.out, results)


def measure(name, seed, given):
    """Trains one row with one seed; returns its numbers on the run's test images."""
    import train

    out = Path(given.runs) / given.name / "".join(each if each.isalnum() else "-" for each in name)
    command = ["--recipe", "kraus2016", "--quick", "--data", str(given.data), "--out", str(out), "--resume"]
    code = train.main([*command, "--seed", str(seed), "--set", "image_every=0", "maps=0", *ROWS[name], *given.set])
    if code:
        raise SystemExit(code)
    (run,) = out.glob(f"kraus2016/bags-*/fold-0/seed-{seed}")
    return {**scored(run), **_facts(run)}


def scored(run, cohort="test"):
    """{measure: value and its interval} of a run's tables of a cohort."""
    from mil_tf.evaluation.fields.score import score_fields
    from mil_tf.evaluation.fields.tables import read_cells, read_fields

    table = read_fields(run / f"predictions-{cohort}.csv")
    path = run / f"cells-{cohort}.csv"
    score = score_fields(cohort, table, read_cells(path, table) if path.exists() else None, resamples=RESAMPLES)
    found = {"images": len(table.id), "wells": score.counts["wells"]}
    for level in (score.levels[each] for each in LEVELS if each in score.levels):
        for measured, one in level.estimates.items():
            ends = zip(("", "_low", "_high"), one[:3])
            found |= {f"{level.name}_{measured}{end}": round(float(value), 4) for end, value in ends}
    return found


def _facts(run):
    from benchmarks.ratios import machine
    from mil_tf import runs

    config, pooling = runs.read_config(run), run / "pooling.json"
    told = runs.read_json(pooling) if pooling.exists() else {}
    thresholds = sorted(told.get("thresholds", {}).values())
    ends = {"threshold_least": thresholds[0], "threshold_most": thresholds[-1]} if thresholds else {}
    return {
        "threshold_least": "", "threshold_most": "", **{name: round(b, 4) for name, b in ends.items()},
        "bags": config["bags"], "epochs": config["options"]["max_epochs"],
        "seconds": round(runs.read_json(run / runs.PROGRESS)["seconds"]), **machine(),
    }


def _made(given):
    """What a row must have been made with to stand beside the others of its name."""
    from mil_tf import runs
    from tfrecords import Dataset

    dataset = Dataset(given.data)
    splits = {name: [row.id for row in rows] for name, rows in dataset.splits(0).items()}
    digest = runs.digest([dataset.info["shards"], splits])[:12]
    return {"options": " ".join(sorted(given.set)) or "none", "bytes": f"sha256 {digest}"}


def _check_rows(results, made, given):
    """Raises DatasetError where --out has rows of this name that were made with something else."""
    from tfrecords import DatasetError

    for row in (row for row in results if row["data"] == given.name):
        for name, value in made.items():
            if str(row.get(name)) != value:
                raise DatasetError(f"{given.out}: Expected rows named {given.name} made with {name} {value}. Received: "
                                   f"rows with {row.get(name)}; give another --name or --out.")


if __name__ == "__main__":
    sys.exit(main())
