"""How far a network looks: its stride, and the margin of pixels that one of its positions may depend on.

Both follow from the graph: every convolution and pooling widens what a position sees by its kernel, in steps of the
stride so far (Araujo et al., Computing receptive fields of convolutional neural networks, 2019); where branches meet,
the widest counts.
"""

from typing import NamedTuple

import keras

from mil_tf.models.graph import is_network, through

AXES = 2  # rows and columns
# Each position of what these give depends on the same position of what they are given.
POINTWISE = (
    keras.layers.Activation, keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.ELU,
    keras.layers.Softmax, keras.layers.BatchNormalization, keras.layers.LayerNormalization, keras.layers.Dropout,
    keras.layers.SpatialDropout2D, keras.layers.GaussianNoise, keras.layers.Dense, keras.layers.Rescaling,
    keras.layers.Normalization, keras.layers.Add, keras.layers.Subtract, keras.layers.Multiply, keras.layers.Average,
    keras.layers.Maximum, keras.layers.Minimum, keras.layers.Concatenate, keras.layers.InputLayer,
)
TRANSPOSED = (keras.layers.Conv2DTranspose, keras.layers.UpSampling2D)


class Context(NamedTuple):
    """How far a network looks.

    Attributes:
        stride: pixels between two of its positions.
        margin: pixels around a window whose sides the stride divides, beyond which nothing changes its positions; a
            multiple of the stride.
    """

    stride: int
    margin: int


class Field(NamedTuple):
    """What position i of a tensor sees along one axis: the pixels i * stride + low to i * stride + high.

    `more` is by how many its length differs from that of the image, divided by the stride.
    """

    stride: int = 1
    low: int = 0
    high: int = 0
    more: int = 0

    def slid(self, kernel, stride, before, more):
        """After a window of `kernel` positions, `stride` apart, the first of which begins `before` the first."""
        low = self.low - before * self.stride
        return Field(self.stride * stride, low, low + self.high - self.low + (kernel - 1) * self.stride, more)

    @property
    def centre(self):
        """The pixel in the middle of what position 0 sees; that of position i lies i * stride further."""
        return (self.low + self.high) / 2

    @property
    def margin(self):
        """Of Context."""
        reach = max(0, -self.low, self.high - self.stride + 1)
        return -(-reach // self.stride) * self.stride


def context(model):
    """The stride and the margin of a network.

    Args:
        model: functional Keras model of one input and one output, (n, h, w, c) -> (n, h / stride, w / stride, ...),
            in inference. A layer of one's own says by the attribute `pointwise = True` that it looks at one position
            at a time.

    Returns:
        A Context.

    Raises:
        ValueError: a position depends on the whole image, its stride is not the same along both axes, the output is
            longer or shorter than the image divided by its stride, or a layer is not known here.
    """
    fields = through(model, [(Field(),) * AXES], _after)[0]
    strides = {field.stride for field in fields}
    if len(strides) > 1 or any(field.more for field in fields):
        raise ValueError(
            f"Expected a network of as many positions as pixels / stride along both axes. Received: {fields}."
        )
    return Context(strides.pop(), max(field.margin for field in fields))


def field(model, tensor):
    """What the positions of a tensor inside a network see: two Fields, of rows and of columns.

    Args:
        model: functional Keras model of one input (n, h, w, c).
        tensor: symbolic tensor of it, (n, h', w', c'), such as one of its outputs.

    Raises:
        ValueError: a position depends on the whole image, or a layer is not known here.
    """
    return through(model, [(Field(),) * AXES], _after, [tensor])[0]


def _after(step, given):
    if is_network(step.layer):
        return through(step.layer, given, _after)
    merged = tuple(_met(step.layer, [fields[axis] for fields in given]) for axis in range(AXES))
    return [tuple(_slid(step.layer, one, axis) for axis, one in enumerate(merged))]


def _met(layer, fields):
    """The field where branches meet."""
    if len({(field.stride, field.more) for field in fields}) != 1:
        raise ValueError(f"Expected branches of one stride and length into {layer.name!r}. Received: {fields}.")
    low, high = min(field.low for field in fields), max(field.high for field in fields)
    return fields[0]._replace(low=low, high=high)


def _slid(layer, field, axis):
    """The field after a layer of one input along one axis."""
    if isinstance(layer, POINTWISE) or getattr(layer, "pointwise", False):
        return field
    if isinstance(layer, keras.layers.ZeroPadding2D):
        before, after = layer.padding[axis]
        return field.slid(1, 1, before, field.more + before + after)
    size = getattr(layer, "kernel_size", getattr(layer, "pool_size", None))
    if size is None or isinstance(layer, TRANSPOSED) or layer.padding not in ("same", "valid"):
        raise ValueError(
            f"Expected convolutions, poolings and layers that look at one position at a time. Received: "
            f"{layer.name!r}, a {type(layer).__name__}."
        )
    kernel = (_pair(size)[axis] - 1) * _pair(getattr(layer, "dilation_rate", 1))[axis] + 1
    return _window(field, kernel, _pair(layer.strides)[axis], layer.padding)


def _window(field, kernel, stride, padding):
    """Where "same" adds an odd number of zeros, TensorFlow adds one more after than before."""
    if padding == "valid":
        return field.slid(kernel, stride, 0, (field.more - kernel) // stride + 1)
    more = -(-field.more // stride)
    zeros = max((more - 1) * stride + kernel - field.more, 0)
    return field.slid(kernel, stride, zeros // 2, more)


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)
