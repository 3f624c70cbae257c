"""nemcek2021: where in a slice it bleeds, learned from one label a slice.

Nemcek J, Vicar T, Jakubicek R. Weakly supervised deep learning-based intracranial hemorrhage localization. BIOIMAGING
(BIOSTEC) 2022; preprint 2021.

Expected (trained on RSNA 2019, boxes of CQ500 by BHX, 254 test scans): PPV 61.88 %, sensitivity 54.72 %, Dice 58.08 %
with max pooling, 38.19, 62.13 and 47.30 % with attention; validation accuracy 89.54 and 91.33 %.

Command: python train.py --recipe nemcek2021 --data DIR
with DIR of `python -m preprocessing ct --unit slice` and `split --whole`.

Variants. `paper` is the paper's text: its network, standardisation by the training set, its schedule. `released` is the
authors' code: another network, other constants, a smaller learning rate. `default` is the paper's text but for the
released code's learning rate, because at the paper's nothing was learned on phantoms, and for a first epoch of soft
pooling, without which the maximum stays where it happens to be in some runs; docs/REPRODUCTION.md has numbers.
"""

from mil_tf.options import FRACTION, Option, above, at_least

METHOD = "positions"
PAPER, RELEASED, OURS = "paper", "released code", "our decision"

OPTIONS = {
    "form": Option(
        "paper", f"{PAPER} II-B, II-E", "network: paper (a quarter of the resolution) or released (an eighth)"
    ),
    "blocks": Option(
        3, f"{PAPER} II-E",
        "residual blocks a level (released: convolutions of its block); a position sees 88 pixels with 3, 32 with 1 "
        "(released: 80, 52)",
        at_least(1),
    ),
    "pooling": Option("max", f"{PAPER} II-C", "max or attention"),
    "standardisation": Option(
        "measured", f"{PAPER} II-B", "of the channels: measured on the training slices, or released (their constants)"
    ),
    "seen": Option(0, PAPER, "pixels a side that larger slices are shrunk to (released code: 256, by nearest pixels)",
                   at_least(0)),
    "start": Option("", OURS, "network.keras to begin with, as `python -m mil_tf.released` makes; empty: at random"),
    "loss": Option("CategoricalCrossentropy", f"{PAPER} II-B", "a Keras or registered loss"),
    "class_weights": Option(True, f"{PAPER} II-B; {RELEASED}", "weigh a slice by N / N of its class"),
    "window": Option(128, f"{PAPER} II-E", "slices an optimizer step", at_least(1)),
    "optimizer": Option("Adam", f"{PAPER} II-E", "a Keras or registered optimizer"),
    "learning_rate": Option(1e-3, RELEASED, "step size at first (paper: 0.01)", above(0)),
    "epsilon": Option(1e-8, "PyTorch's", "Adam's epsilon (Keras would take 1e-7)", above(0)),
    "decay": Option(
        1e-6, f"{PAPER} II-E", "coupled L2 decay: so much of the weights is added to the gradient", FRACTION
    ),
    "drops": Option((20, 30, 35), f"{PAPER} II-E, our reading", "epochs from which on the rate is a tenth of before"),
    "max_epochs": Option(40, OURS, "epochs; the paper names none", at_least(1)),
    "keep": Option("best", f"{PAPER} II-E", "weights of the epoch of best validation accuracy, or of the last"),
    "soft_epochs": Option(
        1, OURS, "epochs at first in which log-sum-exp pools in place of the maximum; 0 is the paper's form",
        at_least(0),
    ),
    "crop": Option(
        256, f"{PAPER} II-E", "pixels a side of the random crop that learns; 0 takes whole slices", at_least(0)
    ),
    "augmentation": Option("paper", f"{PAPER} II-E", "paper, released (with translation), or none"),
    "detector": Option(
        "tuned", f"{PAPER} II-E",
        "tuned on 2/5 of the test patients, where boxes or masks are known, or published (the authors' optimum)",
    ),
    "trials": Option(120, RELEASED, "guided trials of the detector's tuning, after 10 random ones", at_least(1)),
    "only_positive": Option(
        False, PAPER, "take points only on slices called positive (probability of 0.5 or more); ours where true"
    ),
    "precision": Option(
        "float32", OURS, "of the network: float32, mixed_bfloat16 or mixed_float16 (GPUs; weights stay float32)"
    ),
    "loss_scale": Option(
        1024.0, OURS, "keeps small gradients above float16's least number, where precision is mixed_float16", above(0)
    ),
    "chunk": Option(0, OURS, "slices a scoring pass; 0 goes by pixels; halved when memory runs out", at_least(0)),
    "micro_batch": Option(
        0, OURS, "slices a gradient pass, over which batch norm takes its statistics; 0 goes by pixels", at_least(0)
    ),
    "image_every": Option(5, OURS, "epochs between the TensorBoard images; 0 is never", at_least(0)),
}

VARIANTS = {
    "default": {},
    "paper": {"learning_rate": 0.01, "soft_epochs": 0},
    "released": {
        "form": "released", "standardisation": "released", "learning_rate": 0.001, "decay": 1e-8, "drops": (20, 25),
        "max_epochs": 30, "keep": "last", "crop": 0, "seen": 256, "soft_epochs": 0, "augmentation": "released",
    },
}

# Laid under the variant and --set: small phantoms on a laptop.
PROFILES = {
    "full": {},
    "quick": {
        "blocks": 1, "soft_epochs": 3, "window": 16, "drops": (7, 9), "max_epochs": 10, "crop": 0,
        "augmentation": "none", "trials": 60,
    },
}
OPTIONS["profile"] = Option("full", OURS, "full, or quick (small phantoms)")
