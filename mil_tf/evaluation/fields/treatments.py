"""From images to treatments: the median over a treatment's images, class by class (kraus2016, section 4.4).

The paper takes "the median prediction across the 3 experimental replicates" and does not say what becomes of several
images of one replicate. Here every image counts alike, and where replicates have several images the median over
replicates of each one's median stands beside it (our decision).
"""

from dataclasses import replace

import numpy as np

from mil_tf.evaluation.columns import TableError


def by_treatment(table):
    """Fields with a row a treatment: the median of each class over its images, `id` and `patient` its name.

    None where no image has a treatment. Images without one are left out.

    Raises:
        TableError: if images of one treatment have different classes.
    """
    known = table.treatment != ""
    return _medians(_rows(table, known), table.treatment[known]) if known.any() else None


def by_replicate(table):
    """As by_treatment, with the median over each replicate's images first.

    None where that is the same: no treatment has several replicates, or no replicate several images.
    """
    known = (table.treatment != "") & (table.replicate != "")
    if not known.any():
        return None
    rows = _rows(table, known)
    both = _medians(rows, np.array(["\n".join(pair) for pair in zip(rows.treatment, rows.replicate)]))
    if len(both.id) in (len(rows.id), len(np.unique(both.treatment))):
        return None
    return _medians(both, both.treatment)


def _rows(table, chosen):
    names = ("id", "patient", "replicate", "treatment", "y_true", "y_prob", "y_pool")
    return replace(table, **{name: getattr(table, name)[chosen] for name in names if getattr(table, name) is not None})


def _medians(table, key):
    keys, first, group = np.unique(key, return_index=True, return_inverse=True)
    _same_truth(table, first[group])
    order = np.argsort(group, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(group))[:-1])
    scores = {name: getattr(table, name) for name in ("y_prob", "y_pool") if getattr(table, name) is not None}
    middle = {name: np.stack([np.median(one[rows], axis=0) for rows in parts]) for name, one in scores.items()}
    treatment = table.treatment[first]
    return replace(table, id=keys, patient=treatment, replicate=table.replicate[first], treatment=treatment,
                   y_true=table.y_true[first], **middle)


def _same_truth(table, first):
    wrong = (table.y_true != table.y_true[first]).any(axis=1)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise TableError(f"{table.path}: expected one truth of all images of treatment {table.treatment[at]}, received "
                         f"{_told(table, first[at])} of image {table.id[first[at]]} and {_told(table, at)} of image "
                         f"{table.id[at]}.")


def _told(table, row):
    return " and ".join(name for name, has in zip(table.classes, table.y_true[row]) if has) or "no class"
