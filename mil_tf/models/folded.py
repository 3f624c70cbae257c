"""A cheap twin of a scorer for the search of the top slice: batch norm folded into the convolutions, low precision.

In inference a batch normalisation is a scale and a shift of each channel, which the convolution before it can do
itself: W' = W g / sqrt(v + e), b' = b_n - m g / sqrt(v + e) (Jacob et al. 2018, section 3.2). What is left are
convolutions with a bias, additions and activations, which oneDNN and cuDNN run as one kernel each, and which hold up
in bfloat16.
"""

import keras
import tensorflow as tf

LOGITS, PROBABILITIES = "logits", "probabilities"
LOW = (keras.layers.Activation, keras.layers.Add, keras.layers.MaxPooling2D)  # what low precision does no harm to


class Folded:
    """The twin of a model; its weights are copies, made by `refresh`.

    The input scaling, the last pooling and the logits stay in float32: HU need more than bfloat16's 8 bits, and the sum
    over a feature map would lose them again.

    Args:
        model: functional Keras model with a layer "logits" of two classes, (n, h, w, c) -> (n, 2).
        dtype: "bfloat16", "float16" or "float32", of the convolutions.

    Attributes:
        network: Keras model, (n, h, w, c) -> (features of the last layer (n, f), logits (n, 2)), float32.
    """

    def __init__(self, model, dtype="bfloat16"):
        pairs = _pairs(model)
        convolutions = {convolution.name for convolution, _ in pairs}
        norms = {norm.name for _, norm in pairs if norm is not None}
        clone = keras.models.clone_model(model, clone_function=lambda layer: _twin(layer, dtype, convolutions, norms))
        head = clone.get_layer(LOGITS)
        self.network = keras.Model(clone.input, [head.input, head.output], name=f"{model.name}_folded")
        self._twins = [(*pair, clone.get_layer(pair[0].name)) for pair in pairs]
        self._rest = [
            (layer, clone.get_layer(layer.name)) for layer in model.layers
            if layer.weights and layer.name not in convolutions | norms
        ]
        self._copy = tf.function(self._assign)
        self.refresh()

    def refresh(self):
        """Copies the model's weights, folded; once a window, because they change with every optimizer step."""
        self._copy()

    def _assign(self):
        for convolution, norm, twin in self._twins:
            kernel, bias = folded_weights(convolution, norm)
            twin.kernel.assign(tf.cast(kernel, twin.kernel.dtype))
            twin.bias.assign(tf.cast(bias, twin.bias.dtype))
        for layer, twin in self._rest:
            for source, target in zip(layer.weights, twin.weights):
                target.assign(tf.cast(source, target.dtype))


def folded_weights(convolution, norm):
    """Kernel and bias, float32, of a convolution with the batch normalisation after it, or without (None)."""
    kernel = tf.convert_to_tensor(convolution.kernel)
    bias = tf.convert_to_tensor(convolution.bias) if convolution.use_bias else tf.zeros(kernel.shape[-1])
    if norm is None:
        return kernel, bias
    scale = tf.math.rsqrt(tf.convert_to_tensor(norm.moving_variance) + norm.epsilon)
    if norm.scale:
        scale *= tf.convert_to_tensor(norm.gamma)
    shift = tf.convert_to_tensor(norm.beta) if norm.center else 0.0
    return kernel * scale, (bias - tf.convert_to_tensor(norm.moving_mean)) * scale + shift


class BiasedConvolution(keras.layers.Layer):
    """A 2-D convolution with bias that nothing trains, in the ops that TensorFlow fuses into one kernel."""

    def __init__(self, filters, kernel_size, strides, padding, activation, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, tuple(kernel_size)
        self.strides, self.padding = tuple(strides), padding
        self.activation = activation

    def build(self, input_shape):
        shape = (*self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="zeros", trainable=False)
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros", trainable=False)
        super().build(input_shape)

    def call(self, inputs):
        kernel, bias = (tf.convert_to_tensor(value) for value in (self.kernel, self.bias))
        inputs = tf.cast(inputs, self.compute_dtype)
        found = tf.nn.conv2d(inputs, tf.cast(kernel, self.compute_dtype), self.strides, self.padding.upper())
        return self.activation(tf.nn.bias_add(found, tf.cast(bias, self.compute_dtype)))

    def compute_output_shape(self, input_shape):
        sides = [_side(*each, self.padding) for each in zip(input_shape[1:3], self.kernel_size, self.strides)]
        return (input_shape[0], *sides, self.filters)


class Folding(keras.layers.Layer):
    """Where a batch normalisation was that the convolution before it does now: passes its input on."""

    pointwise = True  # see mil_tf.models.receptive

    def call(self, inputs, training=None, mask=None):
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape


def _side(length, kernel, stride, padding):
    if length is None:
        return None
    return -(-(length if padding == "same" else length - kernel + 1) // stride)


def _pairs(model):
    """[(convolution, the batch normalisation that alone reads it, or None)] of a model."""
    found = []
    for layer in model.layers:
        if type(layer) is not keras.layers.Conv2D or layer.dilation_rate not in (1, (1, 1)) or layer.groups != 1:
            continue
        readers = [other for other in model.layers if _reads(other, layer)]
        norm = readers[0] if len(readers) == 1 and _foldable(readers[0], layer) else None
        found.append((layer, norm))
    return found


def _foldable(norm, convolution):
    last = type(norm) is keras.layers.BatchNormalization and norm.axis in (-1, 3, [3], (3,))
    return last and convolution.activation is keras.activations.linear


def _reads(layer, other):
    return layer is not other and any(tensor is other.output for tensor in tf.nest.flatten(layer.input))


def _twin(layer, dtype, convolutions, norms):
    """The layer that stands for `layer` in the twin."""
    if layer.name in norms:
        return Folding(name=layer.name, dtype=dtype)
    if layer.name in convolutions:
        return BiasedConvolution(
            layer.filters, layer.kernel_size, layer.strides, layer.padding, layer.activation, name=layer.name,
            dtype=dtype,
        )
    taken = dtype if isinstance(layer, LOW) and layer.name != PROBABILITIES else "float32"
    if isinstance(layer, keras.layers.Activation):  # an add-on's function has no config that gives it back
        return keras.layers.Activation(layer.activation, name=layer.name, dtype=taken)
    return type(layer).from_config({**layer.get_config(), "dtype": taken})
