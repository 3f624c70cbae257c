"""lerousseau2020: where in a whole slide the tumour is, learned from one label a slide.

Lerousseau M, Vakalopoulou M, Classe M, Adam J, Battistella E, Carre A, Estienne T, Henry T, Deutsch E, Paragios N.
Weakly supervised multiple instance learning histopathological tumor segmentation. MICCAI 2020.

Expected (6,481 flash-frozen slides of TCGA; pixelwise, 130 annotated test slides): alpha = beta = .2 gives an AUC of
.804 without background and .952 with; the mean of the 15 configurations without background is .675; (1, 0) and
(.2, .8) stay near or below chance. On three locations that were not trained on: .732 and .972.

Command: python train.py --recipe lerousseau2020 --data DIR --set start=resnet50_imagenet.h5
with DIR of `python -m preprocessing slides` and `split --whole`; alpha and beta by --set alpha=.2 beta=.2, all 15
configurations by benchmarks/alpha_beta.py.

Variants. `paper` is the paper's text; `default` departs in its map alone: `tile` in place of `position`. In both a
network starts at random where no file of ImageNet weights is given, and the run says so. There is no `released`
variant: its licence keeps its code out of ours, and until November 2020 every run of it with beta above 0 learned zeros
alone.
"""

from mil_tf.options import Bound, Option, above, at_least

METHOD = "tiles"
PAPER, RELEASED, OURS = "paper", "released code", "our decision"

SHARE = Bound("at least 0 and at most 1", lambda value: 0 <= value <= 1)

OPTIONS = {
    "alpha": Option(0.2, f"{PAPER} 4, the best in distribution", "share of a positive slide that is tumour at least",
                    SHARE),
    "beta": Option(0.2, f"{PAPER} 4, the best in distribution", "share of a positive slide that is normal at least",
                   SHARE),
    "patches": Option(150, f"{PAPER} 3.1", "tiles of a slide's tissue a visit", at_least(1)),
    "patches_in_memory": Option(
        0, OURS, "tiles a pass; fewer than `patches` rank and learn in two passes, and batch norm sees so many; "
        "0 takes all at once, halved when memory runs out", at_least(0),
    ),
    "backbone": Option("resnet50", f"{PAPER} 3.1", "resnet50, or resnet34, resnet18, resnet10 (small images)"),
    "start": Option(
        "", f"{PAPER} 3.1", "file of ResNet-50's ImageNet weights as keras.applications has them; empty: at random"
    ),
    "width": Option(64, "He et al. 2016, table 1", "filters of the first stage, but of resnet50", at_least(1)),
    "stem": Option("imagenet", "He et al. 2016, table 1", "of the small networks: imagenet, light, half or small"),
    "norm": Option("batch", "He et al. 2016", "of the small networks: batch, group, none, or a registered layer name"),
    "standardisation": Option(
        "measured", f"{PAPER} 3.1", "of the channels: measured on the training tiles, or imagenet (its constants)"
    ),
    "loss": Option("CategoricalCrossentropy", f"{PAPER} 3.1", "a Keras or registered loss"),
    "window": Option(1, f"{PAPER} 3.1", "slides an optimizer step", at_least(1)),
    "optimizer": Option("Adam", f"{PAPER} 3.1", "a Keras or registered optimizer"),
    "learning_rate": Option(1e-4, f"{PAPER} 3.1", "step size", above(0)),
    "epsilon": Option(1e-8, "PyTorch's", "Adam's epsilon (Keras would take 1e-7)", above(0)),
    "max_epochs": Option(20, f"{PAPER} 3.1", "epochs; each visits every training slide once", at_least(1)),
    "keep": Option("last", OURS, "weights of the last epoch, or of the one of best validation loss"),
    "statistics": Option(
        "slide", f"{PAPER} 3.1",
        "that batch norm takes: of the slide at hand, or of a mixture of all slides, anew every epoch (ours)",
    ),
    "whole_epochs": Option(
        0, OURS, "epochs at first in which all tiles of a positive slide are positive; 0 is the paper's form",
        at_least(0),
    ),
    "augmentation": Option("paper", f"{PAPER} 3.1", "paper (flips, rotations, jitter), flips (no jitter), or none"),
    "map": Option(
        "tile", OURS, "probability of the map: tile (mean logit of the tile around it), or position (the paper's)"
    ),
    "precision": Option(
        "float32", OURS, "of the network: float32, mixed_bfloat16 or mixed_float16 (GPUs; weights stay float32)"
    ),
    "loss_scale": Option(
        1024.0, OURS, "keeps small gradients above float16's least number, where precision is mixed_float16", above(0)
    ),
    "chunk": Option(0, OURS, "tiles a scoring pass; 0 goes by pixels; halved when memory runs out", at_least(0)),
    "image_every": Option(5, OURS, "epochs between the TensorBoard images; 0 is never", at_least(0)),
}

VARIANTS = {"default": {}, "paper": {"map": "position"}}

# Laid under the variant and --set: small phantoms on a laptop.
PROFILES = {
    "full": {},
    "quick": {
        "backbone": "resnet10", "width": 16, "stem": "half", "patches": 50, "learning_rate": 1e-3, "max_epochs": 10,
        "augmentation": "flips",
    },
}
OPTIONS["profile"] = Option("full", OURS, "full, or quick (small phantoms)")
