"""remedios2020: slices of a head CT that bleed, learned from one label a volume.

Remedios S, Wu Z, Bermudez C, Kerley CI, Roy S, Patel MB, Butman JA, Landman BA, Pham DL. Extracting 2D weak labels
from volume labels using multiple instance learning in CT hemorrhage detection. SPIE Medical Imaging 2020.

Expected (672 bags, 512x512, the authors' 4,042 test volumes): the paper's "average" AP 0.9698, TPR 98.10 %, TNR
99.36 %; those are an ensemble's. The folds' means in the released predictions are AP 0.952, TPR 0.983, TNR 0.989.

Command: python train.py --recipe remedios2020 --data DIR --bags 672 --folds 5

Variants. `paper` is the paper's text, literally: ResNet-34 with its batch normalisation, HU as they are, the top
instance from the first step on. `released` is the authors' network without normalisation, also on unscaled HU, negatives
not clipped here (preprocess with --clip-negative for that); its accidental 1/k scaling of the k-th window of an epoch is
left out on purpose. `default` is the paper's method with what it takes to learn: see WHY_DEFAULT.
"""

from mil_tf.options import Option

PAPER, RELEASED, OURS = "paper", "released code", "our decision"

OPTIONS = {
    "backbone": Option("resnet34", f"{PAPER} 2.2", "resnet34, resnet18, resnet10, released, or convnet (small images)"),
    "width": Option(64, "He et al. 2016, table 1", "filters of the first stage"),
    "stem": Option("imagenet", "He et al. 2016, table 1", "imagenet (7x7/2, pooling), or small (3x3/1)"),
    "norm": Option("none", OURS, "batch, group, none, or a registered layer name"),
    "zero_residual": Option(True, OURS, "start every residual branch at zero"),
    "activation": Option("relu", "He et al. 2016", "activation, a Keras or registered name"),
    "dropout": Option(0.0, OURS, "rate before the last layer"),
    "window_center": Option(40.0, OURS, "HU in the middle of the input window"),
    "window_width": Option(160.0, OURS, "HU across the input window; 0 feeds HU as they are (the paper's text)"),
    "selection": Option("top_instance", f"{PAPER} 2.3", "which instances learn after the warm-up"),
    "warm_up": Option(10, OURS, "epochs that learn from random instances first; 0 is the paper's form"),
    "warm_up_instances": Option(8, OURS, "instances a bag in a warm-up epoch"),
    "augmentation": Option("none", f"{PAPER} is silent", "none, geometric (heads) or digits"),
    "loss": Option("CategoricalCrossentropy", f"{PAPER} 2.2", "a Keras or registered loss"),
    "window": Option(128, f"{PAPER} 2.2", "bags an optimizer step: gradients are accumulated over them"),
    "optimizer": Option("Adam", f"{PAPER} 2.2", "a Keras or registered optimizer, such as Addons>LAMB"),
    "learning_rate": Option(1e-4, f"{PAPER} 2.2", "step size"),
    "epsilon": Option(1e-8, RELEASED, "Adam's epsilon (Keras would take 1e-7)"),
    "weight_decay": Option(0.0, OURS, "decoupled weight decay of the optimizer; 0 is none"),
    "schedule": Option("constant", PAPER, "constant, or cosine over max_epochs"),
    "patience": Option(50, f"{PAPER} 2.2", "epochs without improvement of the validation loss"),
    "min_delta": Option(1e-4, f"{PAPER} 2.2", "least improvement that counts"),
    "max_epochs": Option(1000, OURS, "an end where convergence never comes"),
    "chunk": Option(0, OURS, "instances a scoring pass; 0 fits them to memory"),
    "micro_batch": Option(0, OURS, "instances a gradient pass; 0 fits them to memory"),
    "image_every": Option(5, OURS, "epochs between the TensorBoard images of chosen slices; 0 is never"),
}

_LITERAL = {"window_width": 0.0, "warm_up": 0, "augmentation": "none", "dropout": 0.0, "weight_decay": 0.0}
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
        "backbone": "resnet10", "width": 16, "window": 16, "learning_rate": 1e-3, "warm_up": 20, "max_epochs": 60,
        "patience": 20, "augmentation": "geometric",
    },
    "small": {
        "backbone": "convnet", "window_center": 127.5, "window_width": 255.0, "window": 16, "learning_rate": 5e-4,
        "warm_up": 8, "max_epochs": 24, "patience": 24,
    },
}
OPTIONS["profile"] = Option("full", OURS, "full, quick (small phantoms), or small (small bags of small images)")
