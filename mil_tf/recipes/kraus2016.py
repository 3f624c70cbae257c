"""kraus2016: which phenotypes a whole microscopy image shows, learned from image labels, and in which cells.

Kraus OZ, Ba JL, Frey BJ. Classifying and segmenting microscopy images using convolutional multiple instance learning.
arXiv:1511.05286, 2015; Classifying and segmenting microscopy images with deep multiple instance learning.
Bioinformatics 32(12), 2016.

Expected, table 1 (yeast, 17 localisations, about 2,200 training images), Noisy-AND with a = 10: mean average precision
.950 on full images (.883 against Huh et al.'s annotations), .701 on cropped cells by the images' labels, .738 by their
own; accuracy on proteins of one localisation .953, class mean .876. a = 5: .921, a = 7.5: .920; LSE with r = 1, 2.5, 5:
.925, .925, .933; generalised mean: .915, .888, .405; maximum: .125; network of cropped cells: .855 on cells (.742 by
their own labels).

Expected, table 2 (BBBC021, 12 mechanisms of action, about 300 training images; all images / held-out repetition),
full images: a = 5 .957 / .915, a = 7.5 .956 / .915, a = 10 .957 / .958; LSE .952, .924, .972 / .915, .888, .940;
generalised mean .941, .960, .683 / .924, .924, .651; maximum .448 / .452; network of cropped cells .992 / .980.
Treatments: Noisy-AND .99 / .957, .957, .971; LSE .99, .94, .99 / .943, .871, .957; generalised mean .98, .99, .71 /
.943, .957, .686; maximum .48 / .429; network of cropped cells .99 / .984; Ljosa et al. 2013 .94. Cropped cells, by the
images' labels: .778, .758, .738; LSE .816, .807, .750; generalised mean .803, .750, .382; maximum .185; .839.

Command: python train.py --recipe kraus2016 --data DIR
with DIR of `python -m preprocessing fields` and `split`; another row of the tables by --set "pooling=log_sum_exp(r=5)",
the network of cropped cells by --set learns_from=cells.

Variants. `paper` is the paper's text; `default` is the same. There is no `released` variant: the authors published no
code. Silent in the paper, so ours: strides, padding, how b starts and is bounded (mil_tf/models/conv_mil.py,
mil_tf/pooling/noisy_and.py), the number of epochs, and the angles of its rotations (mil_tf/field_augment.py).
"""

from mil_tf.options import FRACTION, Option, above, at_least

METHOD = "fields"
PAPER, OURS = "paper", "our decision"

OPTIONS = {
    "learns_from": Option(
        "images", f"{PAPER} 3, 4.4", "images, or cells: the baseline, cropped cells under their image's label"
    ),
    "pooling": Option(
        "noisy_and(slope=10)", f"{PAPER} 3.2, table 1",
        "noisy_and(slope=5, 7.5 or 10), log_sum_exp(r=1, 2.5 or 5), generalized_mean(r=...), mean, max, noisy_or, isr",
    ),
    "ending": Option(
        "auto", f"{PAPER} 4.2", "last layer: softmax, or sigmoid for several classes an image; auto goes by the labels"
    ),
    "widths": Option((32, 64, 64, 128, 128, 1000), f"{PAPER} 4.2", "filters of conv1 to conv6"),
    "first_stride": Option(2, OURS, "of the average pooling at first; 1 (small cells) or 2", at_least(1)),
    "pool_dropout": Option(0.2, f"{PAPER} 4.3", "share of the max poolings' output that is dropped", FRACTION),
    "dropout": Option(0.5, f"{PAPER} 4.3", "share of conv6's output that is dropped", FRACTION),
    "crop": Option(900, f"{PAPER} 4.3", "pixels a side of the random crop that learns, at most the smallest field's "
                   "of the batch; 0 takes as much as its fields have in common", at_least(0)),
    "rotation": Option(
        "quarter", f"{PAPER} 4.3, our reading",
        "random rotations and reflections: quarter (turns, exact), any (angle, interpolated), or none of either",
    ),
    "cell_crop": Option(96, f"{PAPER} 4.4", "pixels a side of a cropped cell (yeast: 64)", at_least(1)),
    "cells": Option(16, OURS, "cells of an image a step, where learns_from is cells", at_least(1)),
    "window": Option(16, f"{PAPER} 4.3", "images an optimizer step", at_least(1)),
    "optimizer": Option("Adam", f"{PAPER} 4.3", "a Keras or registered optimizer"),
    "learning_rate": Option(1e-3, f"{PAPER} 4.3", "step size", above(0)),
    "epsilon": Option(1e-8, "Kingma & Ba 2015", "Adam's epsilon (Keras would take 1e-7)", above(0)),
    "max_epochs": Option(400, OURS, "epochs; the paper names none, but 1 to 2 days on a K80", at_least(1)),
    "patience": Option(80, OURS, "epochs without improvement on the validation images", at_least(1)),
    "keep": Option("best", OURS, "weights of the best epoch on the validation images, or of the last"),
    "monitor": Option("loss", OURS, "what is best: the least loss, or error, of the validation images"),
    "precision": Option(
        "float32", OURS, "of the network: float32, mixed_bfloat16 or mixed_float16 (GPUs; weights stay float32)"
    ),
    "loss_scale": Option(
        1024.0, OURS, "keeps small gradients above float16's least number, where precision is mixed_float16", above(0)
    ),
    "chunk": Option(0, OURS, "images a scoring pass; 0 goes by pixels; halved when memory runs out", at_least(0)),
    "micro_batch": Option(0, OURS, "images a gradient pass; 0 as for chunk", at_least(0)),
    "maps": Option(50, OURS, "fields of a cohort whose cells are segmented by Jacobian maps; 0 is none", at_least(0)),
    "image_every": Option(5, OURS, "epochs between the TensorBoard images; 0 is never", at_least(0)),
}

VARIANTS = {"default": {}, "paper": {}}

# Laid under the variant and --set: small phantoms on a laptop.
PROFILES = {
    "full": {},
    "quick": {
        "widths": (8, 16, 16, 24, 24, 96), "first_stride": 1, "pool_dropout": 0.0, "dropout": 0.2, "crop": 224,
        "cell_crop": 48, "window": 8, "learning_rate": 2e-3, "max_epochs": 40, "patience": 40,
    },
}
OPTIONS["profile"] = Option("full", OURS, "full, or quick (small phantoms)")
