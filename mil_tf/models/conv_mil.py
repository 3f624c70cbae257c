"""The network of kraus2016: a whole microscopy image is the bag, positions of its class maps are the instances.

Section 4.2 names ave_pool0_3x3, conv1_3x3x32, conv2_3x3_64, pool1_3x3, conv3_5x5_64, pool2_3x3, conv4_3x3_128,
pool3_3x3, conv5_3x3_128, pool4_3x3, conv6_1x1_1000, conv7_1x1_N, MIL_pool and FC_N. It is silent about strides and
padding, so ours: convolutions keep the size ("same"), poolings are 3x3 with stride 2 and never pad ("valid"), so that
no padding enters a maximum or a mean. A position stands for 32 pixels; inputs of 63 to 94 pixels a side give one
position (64: the paper's yeast cell), those of 95 to 126 give two (96: its breast cancer cell). No stride-2 layout
gives one for both. Also ours: convolutions before a ReLU start after He et al. 2015; dropout follows the four max
poolings, not ave_pool0, which sees pixels; the fully connected layer starts as a multiple of the
identity, undecided where P_i is 1/2.
"""

import keras
import tensorflow as tf

from mil_tf.models.dropout import CountedDropout
from mil_tf.models.scaling import scaling_layer
from mil_tf.pooling import names

WIDTHS = (32, 64, 64, 128, 128, 1000)  # of conv1 to conv6; kraus2016, section 4.2
KERNELS = (3, 3, 5, 3, 3, 1)
POOLED_AFTER = {2: 1, 3: 2, 4: 3, 5: 4}  # convolution -> the pooling after it
WINDOW, STRIDE = 3, 2
ENDINGS = ("softmax", "sigmoid")
POSITIONS = (-3, -2)  # the axes of a map
POOLINGS = tuple(name for name, layer in names.POOLINGS.items() if layer.takes == "probabilities")
OWN = 4.0  # what P_i counts for y_i before training; our decision
NONE = "none"  # the network of cropped cells, which pools no probabilities


def conv_mil(
    classes, channels, mean, std, pooling="noisy_and", ending="softmax", widths=WIDTHS, first_stride=STRIDE,
    pool_dropout=0.2, dropout=0.5,
):
    """Builds the network.

    Args:
        classes: how many, k.
        channels: of the image.
        mean, std: of each channel, which the first layer standardises.
        pooling: of POOLINGS with options, such as "noisy_and(slope=7.5)"; "none" is the network of cropped cells: the
            mean logit of all positions goes through the ending, and neither MIL_pool nor FC is there.
        ending: softmax where an image has one class, sigmoid where it may have several.
        widths: filters of conv1 to conv6.
        first_stride: of ave_pool0; 1 keeps the detail of small cells.
        pool_dropout: share of pool1 to pool4 that is dropped while training.
        dropout: of conv6.

    Input: (n, h, w, channels), fractions of the integer range; h and w at least `least(first_stride)`.
    Output: {"logits": (n, h', w', k) z_ij, "pooled": (n, k) P_i, "probabilities": (n, k) y_i}, float32; p_ij is the
    sigmoid of z_ij. Of "none", P_i is y_i.

    Raises:
        ValueError: the pooling, ending, or widths cannot be.
    """
    _check(ending, widths, first_stride)
    inputs = keras.Input((None, None, channels), name="fields")
    x = scaling_layer(("standard", mean, std))(inputs)
    x = keras.layers.AveragePooling2D(WINDOW, first_stride, "valid", name="ave_pool0")(x)
    for number, (width, kernel) in enumerate(zip(widths, KERNELS), 1):
        x = _convolved(x, width, kernel, f"conv{number}")
        if number in POOLED_AFTER:
            name = f"pool{POOLED_AFTER[number]}"
            x = keras.layers.MaxPooling2D(WINDOW, STRIDE, "valid", name=name)(x)
            x = CountedDropout(pool_dropout, name=f"{name}_dropout")(x)
    x = CountedDropout(dropout, name="conv6_dropout")(x)
    logits = keras.layers.Conv2D(classes, 1, name="conv7", dtype="float32")(x)
    pooled, probabilities = (_averaged if pooling == NONE else _pooled)(logits, classes, pooling, ending)
    return keras.Model(
        inputs, {"logits": logits, "pooled": pooled, "probabilities": probabilities}, name="kraus2016"
    )


def learner(model):
    """The network as the loss of equation 2 sees it: {"pooled": (n, k) P_i, "last": (n, k) logits of y_i}.

    It shares every weight; of "none", "last" alone. Sigmoids and softmax that are saturated have no gradient left, so
    that y_i's cross-entropy is taken of logits.
    """
    last = model.get_layer("last").output
    outputs = {"last": last} if _names_none(model) else {"pooled": model.get_layer("mil_pool").output, "last": last}
    return keras.Model(model.input, outputs, name="kraus2016_learner")


def map_side(side, first_stride=STRIDE):
    """Positions of the class maps along a side of so many pixels; below 1 where they are too few."""
    for stride in (first_stride, *(STRIDE for _ in POOLED_AFTER)):
        side = (side - WINDOW) // stride + 1
    return side


def least(first_stride=STRIDE):
    """Pixels a side that an image needs: 63, or 33 where ave_pool0 has a stride of 1."""
    side = 1
    for stride in (*(STRIDE for _ in POOLED_AFTER), first_stride):
        side = (side - 1) * stride + WINDOW
    return side


def stride(first_stride=STRIDE):
    """Pixels from one position of the class maps to the next."""
    return first_stride * STRIDE ** len(POOLED_AFTER)


def _check(ending, widths, first_stride):
    if ending not in ENDINGS:
        raise ValueError(f"Expected `ending` to be one of {ENDINGS}. Received: ending={ending!r}")
    if len(widths) != len(KERNELS) or min(widths) < 1:
        raise ValueError(f"Expected `widths` of {len(KERNELS)} convolutions, at least 1. Received: widths={widths}")
    if first_stride not in (1, STRIDE):
        raise ValueError(f"Expected `first_stride` of 1 or {STRIDE}. Received: first_stride={first_stride}")


def _convolved(x, width, kernel, name):
    x = keras.layers.Conv2D(width, kernel, padding="same", kernel_initializer="he_normal", name=name)(x)
    return keras.layers.Activation("relu", name=f"{name}_relu")(x)


def _pooled(logits, classes, pooling, ending):
    """P_i of equation 1, and y_i of the fully connected layer after it."""
    instances = keras.layers.Activation("sigmoid", name="instances", dtype="float32")(logits)
    layer = names.pooling(pooling, axis=POSITIONS, name="mil_pool", dtype="float32")
    if layer.takes != "probabilities":
        raise ValueError(f"Expected `pooling` to be one of {POOLINGS}. Received: pooling={pooling!r}")
    pooled = layer(instances)
    # P_i are between 0 and 1, and from small weights Adam is long on its way to an answer that is sure of itself.
    own, even = keras.initializers.Identity(OWN), keras.initializers.Constant(-OWN / 2)
    last = keras.layers.Dense(
        classes, kernel_initializer=own, bias_initializer=even, name="last", dtype="float32"
    )(pooled)
    return pooled, keras.layers.Activation(ending, name="probabilities", dtype="float32")(last)


def _averaged(logits, classes, pooling, ending):
    last = keras.layers.GlobalAveragePooling2D(name="last", dtype="float32")(logits)
    probabilities = keras.layers.Activation(ending, name="probabilities", dtype="float32")(last)
    return probabilities, probabilities


def _names_none(model):
    return all(layer.name != "mil_pool" for layer in model.layers)


def joint_loss(ending):
    """The loss of equation 2, (targets (m, k), {"pooled", "last"}) -> (m,).

    The sum over classes of the binary cross-entropy of P_i, and the cross-entropy of the fully connected layer:
    categorical after softmax, binary and summed over the classes after sigmoid. Where there is no "pooled", the latter
    alone.
    """

    def loss(targets, found):
        last = _of_softmax(targets, found["last"]) if ending == "softmax" else _of_sigmoid(targets, found["last"])
        return last + _of_pooled(targets, found["pooled"]) if "pooled" in found else last

    return loss


def _of_softmax(targets, logits):
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)


def _of_sigmoid(targets, logits):
    return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits), -1)


def _of_pooled(targets, pooled):
    tiny = keras.backend.epsilon()  # Keras' own clip, so that a pooling that is 0 or 1 stays finite
    pooled = tf.clip_by_value(pooled, tiny, 1 - tiny)
    return -tf.reduce_sum(targets * tf.math.log(pooled) + (1 - targets) * tf.math.log1p(-pooled), -1)
