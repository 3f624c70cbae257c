"""The words of an evaluation of several classes: what each number is called and how it is made."""

from mil_tf.nouns import Nouns

IMAGES = Nouns("image", "position", "A bag is an image, its instances are the positions of its class maps.")

IMAGE, POOL, TREATMENT, REPLICATE = "image", "pool", "treatment", "replicate_treatment"
CELL_BAG, CELL_OWN = "cell_bag", "cell_own"
LEVELS = {
    IMAGE: "images",
    POOL: "images, by the MIL layer alone",
    TREATMENT: "treatments, median over their images",
    REPLICATE: "treatments, median over replicates of the median over images",
    CELL_BAG: "cropped cells, labelled as their image is",
    CELL_OWN: "cropped cells, labelled by themselves",
}
UNITS = {IMAGE: "images", POOL: "images", TREATMENT: "treatments", REPLICATE: "treatments", CELL_BAG: "cells",
         CELL_OWN: "cells"}
ACCURACY, CLASS_MEAN, MAP, MEAN_AUC = "accuracy", "class_mean_accuracy", "map", "mean_auc"
MEASURES = {ACCURACY: "accuracy", CLASS_MEAN: "class-mean accuracy", MAP: "mean average precision",
            MEAN_AUC: "mean AUC"}
RATES = {"precision": "precision", "recall": "recall", "f1": "F1"}

METHODS = (
    ("Accuracy is the share of rows with exactly one class whose highest score is of that class; of equal scores the"
     " class that comes first counts. Rows with several classes, or none, have no accuracy and count in the rankings"
     " only. Class-mean accuracy is the mean of the accuracies of the classes that occur (balanced accuracy)."),
    ("Mean average precision ranks all rows once for each class, that class against the rest (step sum over recall, "
     "ties together), and takes the mean over classes. A class that no row has, or all have, is left out and named."),
    ("Images are answered by the model's last layer, and by its MIL layer alone beside it; cropped cells by the MIL "
     "layer (kraus2016, section 4.4)."),
    ("A treatment's answer is, class by class, the median over all its images; where replicates have several images,"
     " also the median over replicates of each one's median. Images without a treatment are left out."),
    ("Cropped cells labelled as their image is include cells that are not of that class; those labelled by "
     "themselves are cells whose own class is known."),
    ("Calibration is that of the class with the highest probability: ten bins of equal width, and the mean distance "
     "between a bin's mean probability and the share of its images that have that class. It is never 0 by chance: "
     "beside it stands what the same probabilities would score if each were exactly right."),
    ("Images of a well, and cells of them, are not independent. Shares have Wilson intervals on as many independent "
     "trials as they are worth, with Student's t; all else comes from a bootstrap that resamples wells (its standard"
     " error, Student's t, on the logit scale). Treatments are taken as independent. With more than {budget:,} rows "
     "times resamples fewer resamples are drawn, but at least {least}."),
)
MULTI_METHODS = (
    ("Decisions: a class is called where its probability is at or above the threshold, at 0.5 and at the one that "
     "maximises TPR + TNR of that class on the validation images, which is only applied elsewhere; a class that "
     "validation has on none or all of its images is decided at 0.5. Macro: mean over the classes that occur, where "
     "the precision of a class that is never called counts as 0. Micro: all decisions together."),
)
ENSEMBLE = (
    "Ensemble: the models answer together, by their mean probability of each class. Its interval is over wells, for "
    "treatments over treatments: it tells how others would vary, with these models."
)


def methods(single_label, budget, least):
    """How the numbers are made, in sentences; decisions by thresholds are told of sets with several labels an image.

    Args:
        budget, least: rows times resamples beyond which fewer are drawn, and how few at least.
    """
    lines = METHODS if single_label else (*METHODS, *MULTI_METHODS)
    return [line.format(budget=budget, least=least) for line in lines]
