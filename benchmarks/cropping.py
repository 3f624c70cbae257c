"""What `score_area=head` does to the answers: probabilities and top slices beside those of the whole slice.

The float32 twin searches the same bags of phantom slices whole and cropped to the head, so that nothing but the crop
differs. Told are the share of the area that is searched, the differences of the slices' probabilities and log odds, the
spread of the log odds within a bag (which a difference must be small against), and the bags whose top slice is another.

    python benchmarks/cropping.py --out docs/results/cropping.csv
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import material, ratios  # noqa: E402


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    material.arguments(parser)
    parser.add_argument("--out", help="CSV to write")
    given = parser.parse_args(args)
    rows = [measure(*material.load(material.made(given))[:2]) | {"size": given.size}]
    print("  ".join(f"{name} {value}" for name, value in rows[0].items()))
    if given.out:
        ratios.write(given.out, rows, ratios.machine())
    return 0


def measure(source, model):
    """Returns the row of a model on a source."""
    from mil_tf.training.search import Search

    whole, head = (Search(model, None, "float32", area=area) for area in ("full", "head"))
    areas = watched(head, source.instance_shape)
    odds, cropped = ([bag[:, 0].astype(np.float64) for bag in each.odds(source, range(len(source)))]
                     for each in (whole, head))
    apart = np.abs(np.concatenate(odds) - np.concatenate(cropped))
    changed = np.abs(probability(np.concatenate(odds)) - probability(np.concatenate(cropped)))
    return {
        "bags": len(odds), "slices": len(apart), "area_percent": round(100 * float(np.mean(areas)), 1),
        "probability_median": figure(np.median(changed)), "probability_most": figure(changed.max()),
        "log_odds_median": figure(np.median(apart)), "log_odds_most": figure(apart.max()),
        "log_odds_spread": figure(np.mean([bag.std() for bag in odds])),
        "other_slice": sum(int(a.argmax() != b.argmax()) for a, b in zip(odds, cropped)),
    }


def watched(search, shape):
    """A list that fills with the share of the area of every slice that the search passes on."""
    found, graph = [], search._forward._graph

    def told(images):
        passed = graph(images)

        def call(part, *more):
            found.extend([part.shape[1] * part.shape[2] / (shape[0] * shape[1])] * len(part))
            return passed(part, *more)

        return call

    search._forward._graph = told
    return found


def probability(odds):
    """Of log odds."""
    return 1 / (1 + np.exp(-odds))


def figure(value):
    """Three digits."""
    return float(f"{value:.3g}")


if __name__ == "__main__":
    sys.exit(main())
