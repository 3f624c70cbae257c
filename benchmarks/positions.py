"""nemcek2021's Table I on phantoms: both networks, both poolings, points against the boxes of held-out patients.

Every run trains with the recipe's `quick` profile, tunes its detector on two fifths of the test patients and is scored
on the others, once with points on all slices (the paper) and once with points on slices called positive alone, the
detector tuned anew. Without --data, on the recipe's embedded phantoms.

    python benchmarks/positions.py --seeds 3 --out docs/results/positions.csv

Runs are kept in --runs, and what is in --out already is kept too, so that the benchmark can be stopped and gone on
with.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

FORMS, POOLINGS = ("paper", "released"), ("max", "attention")
ALL, POSITIVE = "all slices", "positive slices"
RESAMPLES = 2000


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of bags of one slice with splits, boxes or masks known")
    parser.add_argument("--runs", default="runs-positions", help="folder of the runs (default: runs-positions)")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 to S-1 (default: 3)")
    parser.add_argument("--bags", type=int, help="training slices (default: all)")
    parser.add_argument("--forms", nargs="+", default=FORMS, choices=FORMS)
    parser.add_argument("--poolings", nargs="+", default=POOLINGS, choices=POOLINGS)
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="options of the recipe")
    parser.add_argument("--out", help="CSV to write")
    given = parser.parse_args(args)
    from benchmarks.common import read_csv, write_csv

    results = read_csv(given.out)
    for seed in range(given.seeds):
        for form, pooling in ((form, pooling) for form in given.forms for pooling in given.poolings):
            name = f"{form} network, {pooling} pooling"
            if any(r["row"].startswith(name) and r["seed"] == seed for r in results):
                continue
            results += measure(name, form, pooling, seed, given)
            if given.out:
                write_csv(given.out, results)
    return 0


def measure(name, form, pooling, seed, given):
    """Trains one run; returns its rows of the table, one a rule of which slices have points."""
    import train
    from mil_tf.embedded import embedded_dataset

    data = given.data or embedded_dataset("nemcek2021")
    out = Path(given.runs) / f"{form}-{pooling}"
    options = [f"form={form}", f"pooling={pooling}", *given.set]
    bags = ["--bags", str(given.bags)] if given.bags else []
    command = ["--recipe", "nemcek2021", "--quick", "--data", str(data), *bags, "--out", str(out), "--resume"]
    code = train.main([*command, "--seed", str(seed), "--set", *options])
    if code:
        raise SystemExit(code)
    (run,) = out.glob(f"nemcek2021/bags-*/fold-0/seed-{seed}")
    return [{"row": f"{name}, {rule}", "seed": seed, **scored} for rule, scored in _scored(run, data)]


def _scored(run, data):
    """Yields (rule, its numbers) of a run, and of its network with a detector for positive slices alone."""
    from mil_tf import runs

    seconds = runs.read_json(run / runs.PROGRESS)["seconds"]
    yield ALL, {**_numbers(run), "seconds": round(seconds), **_facts(run)}
    yield POSITIVE, {**_numbers(_only_positive(run, data)), "seconds": round(seconds), **_facts(run)}


def _only_positive(run, data):
    """The run's folder of points on positive slices alone, which is made here."""
    from mil_tf import recipes, runs
    from mil_tf.data import ShardSource
    from mil_tf.options import resolve
    from mil_tf.training.detecting import Detecting
    from mil_tf.training.run import trained
    from tfrecords import Dataset

    folder = run / "only-positive"
    folder.mkdir(exist_ok=True)
    shutil.copyfile(run / "predictions-test.csv", folder / "predictions-test.csv")
    config, dataset = runs.read_config(run), Dataset(data)
    options = resolve(recipes.load("nemcek2021").OPTIONS, config["options"], {"only_positive": True})
    detect = Detecting(trained(run, config).models, options, config["seed"])
    detect.finish(folder, {"test": ShardSource(dataset, dataset.splits(0)["test"])}, print)
    return folder


def _numbers(folder):
    """What the tables of a run say, with intervals by patient."""
    from mil_tf.evaluation.metrics import ranking_metrics
    from mil_tf.evaluation.positions import score_positions
    from mil_tf.evaluation.tables import read_predictions
    from mil_tf.localization.tables import read_located

    table = read_predictions(folder / "predictions-test.csv")
    told = json.loads((folder / "detector.json").read_text(encoding="utf-8"))
    score = score_positions(read_located(folder / "located-test.csv"), table, told, RESAMPLES, 0)
    found = {"accuracy": ((table.y_prob >= 0.5) == (table.y_true == 1)).mean()}
    found["slice_auc"] = ranking_metrics(table.y_true, table.y_prob)[1]
    for name, estimate in score.points.items():
        found |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    found |= {"middle_dice": score.middle["dice"].value, **told["detector"], "dice_tuned": told["dice_tuned"]}
    return {name: round(float(value), 4) for name, value in found.items()} | score.counts


def _facts(run):
    from benchmarks.ratios import machine
    from mil_tf import runs

    options = runs.read_config(run)["options"]
    return {"bags": runs.read_config(run)["bags"], "epochs": options["max_epochs"], **machine()}


if __name__ == "__main__":
    sys.exit(main())
