"""The words of the answers: what each number is called and how it is made, the same in terminal and page."""

from mil_tf.nouns import SCANS, TILES

RATES = {"tpr": "TPR (sensitivity)", "tnr": "TNR (specificity)", "ppv": "PPV (precision)", "npv": "NPV",
         "accuracy": "accuracy"}
SLICES = {"pooled_auc": "AUC, all slices pooled", "within_auc": "AUC within patients",
          "pooled_ap": "AP, all slices pooled", "top_hit": "top slice is truly positive",
          "top_distance_mean": "mm to a positive slice, mean",
          "top_distance_median": "mm to a positive slice, median"}
BASELINES = {"mean_pooling": "mean pooling", "trivial": "trivial detector"}
FIGURES = {"precision_recall": "Precision and recall", "roc": "ROC", "confusion": "Confusion",
           "calibration": "Calibration: what the probabilities mean",
           "histogram": "Bag probabilities by class", "profiles": "Probability along the slices",
           "history": "Training"}
POOLING_NOTE = ("Mean pooling takes the mean of the same {instance} probabilities and shows what selecting the top "
                "{instance} adds.")
TRIVIAL_NOTE = ("The trivial detector's score is the volume of the largest component of 60-90 HU after smoothing; it "
                "shows what learning adds.")
PRIOR_NOTE = ("The position prior scores a slice by how near it lies to the middle of the bag's slices: "
              "what position alone explains. AUC within patients is the mean of each bag's own. Of distances, a "
              "gain is how many mm nearer the top slice lies.")
METHODS = (
    "A bag is called positive where its probability is at or above the threshold. {rule}",
    ("The validation threshold maximises TPR + TNR on the validation bags (of the best thresholds, the "
     "middle of the widest interval) and is only applied elsewhere; on the validation bags themselves its "
     "rates are optimistic."),
    ("Average precision is the step sum over recall; AUC counts ties as one half. Their intervals come "
     "from a bootstrap that resamples patients (its standard error, Student's t, on the logit scale). A gain "
     "is a difference on the same resamples."),
    ("Rates have Wilson intervals. Where patients have several bags, their number is first reduced to the "
     "number of independent ones that would carry the same information, and Student's t takes the place of "
     "the normal quantile."),
    ("Calibration: bags fall into ten bins of equal width; the expected calibration error is the mean distance between "
     "a bin's mean probability and its share of positives, weighted by its bags. It is never 0 by chance: beside it "
     "stands what the same probabilities would score if each were exactly right."),
    ("A gain over a baseline is tested on the same bags: AUC by DeLong's test (by patient where one has several bags), "
     "AP by the bootstrap by patient."),
)
RULES = {SCANS: "0.5 is the rule of the paper: a volume is positive if any of its slices is.",
         TILES: "A slide is as probable as its most probable tile: at 0.5 it is positive if any of its tiles is."}
UNKNOWN_SLICES = ("A slice of unknown truth counts as negative in a bag labelled negative, and is left out in a "
                  "positive one.")


def methods(nouns):
    """How the numbers are made, of bags that have these Nouns: sentences, one a line of a list."""
    first, *others = METHODS
    return (first.format(rule=RULES[nouns]), *others, *([UNKNOWN_SLICES] if nouns == SCANS else []))


def baseline_note(nouns):
    """What stands beside a cohort's result, in sentences."""
    pooling = POOLING_NOTE.format(instance=nouns.instance)
    return f"{pooling} {TRIVIAL_NOTE}" if nouns == SCANS else pooling


def slice_sample(score):
    """What stands behind a cohort's slice metrics, in words."""
    words = ("{slices} slices with a truth, {positive_slices} positive, in {bags} bags of {patients} "
             "patients; {mixed_bags} bags of {mixed_patients} patients have both kinds")
    return words.format(**score.slices["counts"])
