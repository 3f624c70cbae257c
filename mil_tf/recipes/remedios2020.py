"""remedios2020: slices of a head CT that bleed, learned from one label a volume.

Remedios S, Wu Z, Bermudez C, Kerley CI, Roy S, Patel MB, Butman JA, Landman BA, Pham DL. Extracting 2D weak labels
from volume labels using multiple instance learning in CT hemorrhage detection. SPIE Medical Imaging 2020.

Expected (672 bags, 512x512, the authors' 4,042 test volumes): the paper's "average" AP 0.9698, TPR 98.10 %, TNR
99.36 %; those are an ensemble's. The folds' means in the released predictions are AP 0.952, TPR 0.983, TNR 0.989.

Command: python train.py --recipe remedios2020 --data DIR --bags 672 --folds 5

Variants. `paper` is the paper's text, literally: ResNet-34 with its batch normalisation, HU as they are, the top
instance from the first step on. `released` is the authors' network without normalisation, also on unscaled HU,
negatives not clipped here (preprocess with --clip-negative for that); its accidental 1/k scaling of the k-th window of
an epoch is left out on purpose. `default` is the paper's method with what it takes to learn.

Why the default departs. The literal form can memorise one slice a bag: its training loss goes to 0 while held-out bags
stay near chance, depending on the seed (200 MNIST bags, 5 seeds, the same small network: bag AUC .80 [.54, 1] without
the warm-up, .97 [.96, .98] with it). Three additions make it learn: input ramps, a warm-up on
random instances, and batch normalisation whose averages, made in the warm-up on a sample of all slices, are kept while
only top slices learn. docs/REPRODUCTION.md has the measurements.
"""

from mil_tf.options import FRACTION, Option, above, at_least

PAPER, RELEASED, OURS = "paper", "released code", "our decision"

METHOD = "selection"

OPTIONS = {
    "backbone": Option("resnet34", f"{PAPER} 2.2", "resnet34, resnet18, resnet10, released, or convnet (small images)"),
    "width": Option(64, "He et al. 2016, table 1", "filters of the first stage", at_least(1)),
    "stem": Option(
        "imagenet", "He et al. 2016, table 1",
        "imagenet (7x7/2, pooling); for small images light (3x3/2, pooling), half (3x3/2) or small (3x3/1)",
    ),
    "norm": Option("batch", OURS, "batch, group, none, or a registered layer name"),
    "freeze_norm": Option(True, OURS, "batch norm keeps its moving averages once the warm-up is over"),
    "zero_residual": Option(True, OURS, "start every residual branch at zero"),
    "activation": Option("relu", "He et al. 2016", "activation, a Keras or registered name"),
    "dropout": Option(0.0, OURS, "rate before the last layer", FRACTION),
    "pool": Option("average", "He et al. 2016", "average or max over the last feature map"),
    "scaling": Option("ramps", OURS, "ramps (one channel a HU interval), window, or none (the paper's text)"),
    "hu_points": Option(
        (-100.0, 0.0, 30.0, 50.0, 65.0, 80.0, 110.0, 300.0), OURS,
        "breakpoints of the ramps in HU: fine where CSF, brain and blood lie, coarse in fat and bone",
    ),
    "window_center": Option(40.0, OURS, "HU in the middle, where scaling is window"),
    "window_width": Option(80.0, OURS, "HU across, where scaling is window", above(0)),
    "selection": Option("top_instance", f"{PAPER} 2.3", "which instances learn after the warm-up"),
    "warm_up": Option(16, OURS, "epochs that learn from random instances first; 0 is the paper's form", at_least(0)),
    "warm_up_steps": Option(
        0, OURS, "optimizer steps that the warm-up has at least: more epochs of it where the training bags are few",
        at_least(0),
    ),
    "warm_up_instances": Option(8, OURS, "instances a bag in a warm-up epoch", at_least(1)),
    "warm_up_window": Option(8, OURS, "bags an optimizer step in the warm-up, which wants many steps", at_least(1)),
    "warm_up_learning_rate": Option(1e-3, OURS, "step size in the warm-up", above(0)),
    "augmentation": Option("none", f"{PAPER} is silent", "none, geometric (heads) or digits"),
    "loss": Option("CategoricalCrossentropy", f"{PAPER} 2.2", "a Keras or registered loss"),
    "scoring": Option(
        "auto", OURS,
        "search for the top slice: bfloat16, float16 or float32 with batch norm folded into the convolutions and close "
        "calls settled exactly; auto: bfloat16 where the device computes in it, else float32; exact folds nothing",
    ),
    "score_area": Option(
        "full", OURS, "what of a slice is searched: full, or head (cheaper, not exact: the background is put back in)"
    ),
    "rescore_top": Option(
        0, OURS, "search only the k slices of a bag that were likeliest at the last full search; 0 searches all",
        at_least(0),
    ),
    "rescore_every": Option(5, OURS, "epochs from one full search to the next, with rescore_top", at_least(1)),
    "window": Option(128, f"{PAPER} 2.2", "bags an optimizer step: gradients are accumulated over them", at_least(1)),
    "optimizer": Option("Adam", f"{PAPER} 2.2", "a Keras or registered optimizer, such as Addons>LAMB"),
    "learning_rate": Option(1e-4, f"{PAPER} 2.2", "step size", above(0)),
    "epsilon": Option(1e-8, RELEASED, "Adam's epsilon (Keras would take 1e-7)", above(0)),
    "weight_decay": Option(0.0, OURS, "decoupled weight decay of the optimizer; 0 is none", at_least(0)),
    "schedule": Option("constant", PAPER, "constant, or cosine over max_epochs"),
    "patience": Option(50, f"{PAPER} 2.2", "epochs without improvement of the validation loss", at_least(1)),
    "min_delta": Option(1e-4, f"{PAPER} 2.2", "least improvement that counts", at_least(0)),
    "max_epochs": Option(1000, OURS, "an end where convergence never comes", at_least(1)),
    "precision": Option(
        "float32", OURS, "of the network: float32, mixed_bfloat16 or mixed_float16 (GPUs; weights stay float32)"
    ),
    "loss_scale": Option(
        1024.0, OURS, "keeps small gradients above float16's least number, where precision is mixed_float16", above(0)
    ),
    "jit": Option(
        False, OURS,
        "compile scoring with XLA; not the gradient, as that of max-pooling has no deterministic form there",
    ),
    "chunk": Option(0, OURS, "instances a scoring pass; 0 goes by pixels; halved when memory runs out", at_least(0)),
    "micro_batch": Option(0, OURS, "instances a gradient pass; 0 as for chunk", at_least(0)),
    "image_every": Option(5, OURS, "epochs between the TensorBoard images of chosen slices; 0 is never", at_least(0)),
}

_LITERAL = {
    "scaling": "none", "warm_up": 0, "augmentation": "none", "dropout": 0.0, "weight_decay": 0.0,
    "freeze_norm": False, "pool": "average", "stem": "imagenet", "scoring": "exact",
}
VARIANTS = {
    "default": {},
    "paper": {**_LITERAL, "backbone": "resnet34", "norm": "batch", "zero_residual": False},
    "released": {**_LITERAL, "backbone": "released"},
}

# Laid under the variant and --set. `quick` shrinks the method for small phantoms on a laptop; `small` is the documented
# form for small bags of small images (benchmarks/mnist_bags.py), where a ResNet-34 has nothing to pool.
PROFILES = {
    "full": {},
    "quick": {
        "backbone": "resnet10", "width": 16, "stem": "light", "window": 8, "warm_up": 16, "warm_up_learning_rate": 2e-3,
        "max_epochs": 24, "patience": 8, "augmentation": "geometric",
    },
    "small": {
        "backbone": "convnet", "scaling": "window", "window_center": 127.5, "window_width": 255.0, "window": 16,
        "learning_rate": 5e-4, "warm_up": 8, "warm_up_window": 16, "warm_up_learning_rate": 5e-4, "max_epochs": 24,
        "patience": 24,
    },
}
OPTIONS["profile"] = Option("full", OURS, "full, quick (small phantoms), or small (small bags of small images)")
