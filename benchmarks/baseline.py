"""The trivial baseline on phantoms: the largest component of 60-90 HU after smoothing, as a score of a whole scan.

    python benchmarks/baseline.py --data DIR

prints its bag AP with a 95 % interval (bootstrap by patient) over all bags of a data set.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder written by `python -m preprocessing ct`")
    parser.add_argument("--bags", type=int, help="how many, from the first (default: all)")
    given = parser.parse_args(args)
    import numpy as np

    from mil_tf.evaluation.intervals import PatientBootstrap, ranking_estimates
    from tfrecords import Dataset

    rows = Dataset(given.data).rows[: given.bags]
    with ProcessPoolExecutor() as pool:
        found = np.array(list(pool.map(score, [given.data] * len(rows), rows, chunksize=8)))
    labels = np.array([row.label[0] for row in rows])
    patients = np.array([row.patient for row in rows])
    estimates = ranking_estimates(labels, found, patients, PatientBootstrap(patients))
    print(f"{len(rows)} bags, {labels.sum()} positive: AP {estimates['ap']}, AUC {estimates['auc']}")
    return 0


def score(folder, row):
    """Volume in cm3 of the largest component of one bag, its slices in anatomical order."""
    import numpy as np

    from mil_tf.evaluation.baselines import largest_component
    from tfrecords import reader

    bag = reader.read_bag(folder, row)
    order = np.argsort(bag.source_index)
    return largest_component(bag.instances[order].astype(np.float32), bag.spacing)


if __name__ == "__main__":
    sys.exit(main())
