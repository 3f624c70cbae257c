"""parida2021: a few slices with masks and many with a label alone make a segmenter of intracranial hemorrhage.

Parida A, Sankar A, Eisawy R, Finck T, Wiestler B, Pfister F, Moosbauer J. Train, learn, expand, repeat. 2020.

Expected, table 1, Dice, IoU, precision, recall as mean (median), before -> after recursion: in-house .406 (.424),
.322 (.283), .520 (.683), .380 (.551) -> .485 (.616), .402 (.445), .575 (.829), .461 (.500); CQ500, 20 patients,
.417 (.478), .304 (.315), .561 (.676), .362 (.358) -> .446 (.553), .343 (.385), .629 (.766), .390 (.415); PhysioNet,
the pixel set itself, .611 (.754), .534 (.605), .734 (.893), .586 (.758) -> .610 (.733), .533 (.570), .723 (.887),
.575 (.670).

Command: python train.py --recipe parida2021 --data PIXELS --images IMAGES
with PIXELS and IMAGES of `python -m preprocessing ct --unit slice --types` and `sample --kind pixel` and `--kind image`
(393 slices of PhysioNet CT-ICH, 7,785 of RSNA 2019). Another data set with masks, such as CQ500's, is one of
`python evaluate.py RUN --on DIR --name cq500`; a data set without a test split of its own is judged on the slices that
it learned from, as the paper's PhysioNet is.

Stages. 1: a U-Net learns the pixel set by heart. 2: it segments the image set; masks with few false positives are
selected and then refined, in this order (section 3). 3: recursions of three epochs on the pixel set and the selected
part of the image set, whose targets are what the previous recursion segmented; newly segmented images join after each.

Variants. `paper` is the paper's text; `default` is the same. There is no `released` variant: the authors published no
code. Silent in the paper, so ours: the U-Net's depth, widths and norm, batch, optimizer and learning rate, the weight
of the Dice loss, who selects without a person and by which numbers (mil_tf/mask_selection.py), g's constants
(mil_tf/localization/felzenszwalb.py), and the cap of recursions. Ablations: `--set select=none` takes all predictions,
`--set refine=none` takes them as they are.
"""

from mil_tf.options import FRACTION, Option, above, at_least

METHOD = "segmentation"
# Splits that a data set may lack: what it learns from is judged instead, as in the paper's table 1.
STAND_IN = ("validation", "test")
# What stage 2 is told, and the file with which it is done: until then a run may go on with others, and stage 1 is kept.
LATER = {"recursion-0/record.json": ("select", "most", "precision_least", "refine")}
PAPER, OURS = "paper", "our decision"

OPTIONS = {
    "images": Option("", f"{PAPER} 4.1", "folder of the image-level set; --images DIR is short for it"),
    "width": Option(32, OURS, "filters of the U-Net's first level (Ronneberger et al. 2015: 64)", at_least(1)),
    "depth": Option(4, "Ronneberger et al. 2015", "how many times the U-Net pools", at_least(1)),
    "norm": Option("batch", OURS, "batch, group, none, or a registered layer (Ronneberger et al.: none)"),
    "dropout": Option(0.0, OURS, "at the end of the contracting path", FRACTION),
    "window": Option(8, OURS, "slices an optimizer step", at_least(1)),
    "optimizer": Option("Adam", OURS, "a Keras or registered optimizer"),
    "learning_rate": Option(1e-3, OURS, "step size of stage 1", above(0)),
    "recursion_learning_rate": Option(1e-4, OURS, "step size of the recursions", above(0)),
    "epsilon": Option(1e-8, "Kingma & Ba 2015", "Adam's epsilon (Keras would take 1e-7)", above(0)),
    "max_epochs": Option(120, f"{PAPER} 4.2", "epochs of stage 1", at_least(1)),
    "keep": Option("last", f"{PAPER} 3", "stage 1's weights: of its last epoch (it is to overfit), or best: of the "
                   "least loss on the validation slices"),
    "select": Option(
        "auto", f"{PAPER} 3, 4.2", "stage 2: person (the paper's: python -m mil_tf.review), auto (a rule without "
        "truth), oracle (with it: phantoms), none (all predictions)"
    ),
    "enough": Option("all", OURS, "where a person selects: go on when all masks are judged, or with those accepted"),
    "most": Option(0.05, OURS, "auto: share of healthy slices that may show a part as weighty as those believed",
                   FRACTION),
    "precision_least": Option(0.8, OURS, "oracle: least share of predicted pixels that are true", above(0)),
    "refine": Option("grow", f"{PAPER} 3, our choice", "g: grow (masks too small), shrink (too large), or none"),
    "recursion_epochs": Option(3, f"{PAPER} 4.2", "epochs a recursion", at_least(1)),
    "recursions": Option(10, OURS, "most recursions; they end sooner where no image is newly segmented", at_least(0)),
    "dice_weight": Option(1.0, OURS, "of the Dice loss on the pixel set, beside the cross-entropy's 1", at_least(0)),
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
    "image_every": Option(10, OURS, "epochs between the TensorBoard images; 0 is never", at_least(0)),
}

VARIANTS = {"default": {}, "paper": {}}

# Laid under the variant and --set: small phantoms on a laptop. Without a norm, as Ronneberger et al. have it: on so few
# slices its validation loss was the least (one seed).
PROFILES = {
    "full": {},
    "quick": {
        "width": 8, "depth": 3, "norm": "none", "window": 4, "max_epochs": 40, "learning_rate": 5e-3,
        "recursion_learning_rate": 1e-3, "recursions": 3,
    },
}
OPTIONS["profile"] = Option("full", OURS, "full, or quick (small phantoms)")
