"""The words of a grid's page: how its numbers are made, in plain sentences."""

from mil_tf.evaluation.grid_figures import FILE_NAMES
from mil_tf.evaluation.study import DRAWN
from mil_tf.nouns import SCANS, TILES

CAPTIONS = {
    **{FILE_NAMES[key]: f"{name[0].upper()}{name[1:]} against the number of training bags" for key, name in
       DRAWN.items()},
    "precision_recall_by_size": "Precision and recall at each size",
    "confusion_largest": "Confusion of the largest size, in both readings",
}
PER_FOLD = (
    "Per fold: every model is measured by itself; the value is the mean over folds, the interval Student's t over "
    "folds (seeds of one fold are averaged first, as they share their data). It tells how training and its data "
    "vary, on these test bags."
)
ENSEMBLE = (
    "Ensemble: the models answer together, by their mean probability (AP, AUC) and by a majority of their decisions "
    "(rates and confusion; a tie goes by the mean probability). Its interval comes from a bootstrap by patient, for "
    "rates from Wilson's formula: it tells how other patients would vary, with these models. The two readings of one "
    "cross-validation are different numbers{example}."
)
COMPARED = (
    ("Shortfall: the largest size minus this one, fold by fold and seed by seed, Student's t over folds. The folds' "
     "training sets are nested and their test bags the same, so what makes a fold easy falls out of the difference. "
     "Beside it the ensembles' shortfall, whose interval is over patients. Each interval is for one size by itself."),
    ("A size reaches the largest where that interval holds zero: it is not shown to be worse. With few folds that is "
     "easy, so it is no proof. It is as good where the whole interval lies below a margin that would not matter; with "
     "few folds that is hard. Both are searched from the largest size down to the first that fails, so that one "
     "lucky small size does not count."),
    ("Fitted law: limit - drop (N / N0)^-rate, an inverse power of the number of bags N with N0 the smallest size, "
     "the form that learning curves most often have (Figueroa et al. 2012), by least squares, every fold alike. "
     "Dark band: 95 % of what other training sets would give, from the folds' scatter (Student's "
     "t). Light band: with other test patients as well (bootstrap). Curves need not follow it (Viering and Loog 2023): "
     "whether the sizes' means lie on it is tested (lack of fit, F test) and said below the figure."),
)
VERTICAL = (
    "Precision and recall: each model's precision is the step function whose area is its average precision, and the "
    "mean is taken at equal recall (vertical averaging), so its area is the mean average precision. Band: 95 % of "
    "that mean, Student's t over folds at each recall."
)
BOXES = "Boxes are the quartiles of the models' values with the median; whiskers reach to the least and the greatest."
DECISIONS = (
    "Decisions at 0.5 {rule}; at the validation threshold each model decides by the one that its own validation "
    "bags chose."
)
METHODS = (PER_FOLD, ENSEMBLE, *COMPARED, VERTICAL, BOXES, DECISIONS)
EXAMPLES = {SCANS: ": the paper's 0.9698 is an ensemble's, its folds' mean is 0.952", TILES: ""}
RULES = {SCANS: "are the paper's rule", TILES: "call a slide positive if any of its tiles is"}


def methods(nouns):
    """How a grid's numbers are made, of bags that have these Nouns: sentences."""
    return [line.format(example=EXAMPLES[nouns], rule=RULES[nouns]) for line in METHODS]
