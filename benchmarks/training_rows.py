"""The rows of `benchmarks/training_step.py` that are TensorFlow: ways to the same gradient, and the bound."""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import material  # noqa: E402
from benchmarks.rows import serve  # noqa: E402
from mil_tf import registry  # noqa: E402
from mil_tf.models.folded import Folded  # noqa: E402
from mil_tf.models.head import logits_model  # noqa: E402
from mil_tf.selection import top_instance, top_position  # noqa: E402
from mil_tf.training.choosers import ByScore  # noqa: E402
from mil_tf.training.method import build_optimizer  # noqa: E402
from mil_tf.training.scoring import Scorer  # noqa: E402
from mil_tf.training.search import ExactSearch, Search  # noqa: E402
from mil_tf.training.select_then_batch import SelectThenBatch  # noqa: E402


class Taught:
    """A model with the optimizer that teaches it: what every row ends a window with."""

    def __init__(self, model, options):
        self.model, self.variables = model, model.trainable_variables
        self._optimizer = build_optimizer(options)
        registry.create_slots(self._optimizer, self.variables)
        self._apply = tf.function(self._applied)

    def apply(self, gradients):
        """One optimizer step."""
        self._apply(gradients).numpy()

    def _applied(self, gradients):
        norm = tf.linalg.global_norm(gradients)
        if tf.math.is_finite(norm):
            self._optimizer.apply_gradients(zip(gradients, self.variables))
        return norm


class Tape:
    """The paper's literal loop: a tape over all slices of a bag, the gradient of the top slice's loss.

    Args:
        at_once: all bags of the window under one tape, as one batch.
    """

    def __init__(self, source, model, options, at_once=False):
        self._source, self._taught, self._at_once = source, Taught(model, options), at_once
        self._network = logits_model(model)
        self._graph = tf.function(self._gradient, reduce_retracing=True)

    def __call__(self, window):
        found = []
        total = [tf.zeros_like(v) for v in self._taught.variables]
        for bags in [window] if self._at_once else [[position] for position in window]:
            images = tf.constant(np.concatenate([_whole(self._source, p) for p in bags]))
            labels = tf.constant(self._source.labels[bags, 0])
            losses, tops, gradients = self._graph(images, labels, len(window))
            total = [one + two for one, two in zip(total, gradients)]
            found += zip(losses.numpy().tolist(), tops.numpy().tolist())
        self._taught.apply(total)
        return _told(*zip(*found))

    def _gradient(self, images, labels, count):
        bags = tf.shape(labels)[0]
        with tf.GradientTape() as tape:
            logits = self._network(tf.cast(images, tf.float32), training=False)
            logits = tf.reshape(logits, [bags, -1, 2])
            tops = tf.argmax(logits[:, :, 1] - logits[:, :, 0], axis=1)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels, tf.gather(logits, tops, axis=1, batch_dims=1)
            )
            mean = tf.reduce_sum(losses) / tf.cast(count, tf.float32)
        return losses, tops, tape.gradient(mean, self._taught.variables)


class BagByBag:
    """Select, then gradient: each bag scored without a tape, then its top slice alone differentiated."""

    def __init__(self, source, model, options):
        self._source, self._taught, self._scorer = source, Taught(model, options), Scorer(model, options["chunk"])
        self._network = logits_model(model)
        shape = [1, *source.instance_shape]
        self._graph = tf.function(
            self._gradient, input_signature=[tf.TensorSpec(shape, source.dtype), tf.TensorSpec([1], tf.int64)]
        )

    def __call__(self, window):
        found, total = [], [tf.zeros_like(v) for v in self._taught.variables]
        for position in window:
            scores = self._scorer(self._source, [position])[0]
            top = top_position(scores[:, 1], self._source.fields(position).source_index)
            loss, gradients = self._graph(
                tf.constant(self._source.take(position, [top])), tf.constant(self._source.labels[position])
            )
            total = [one + two / len(window) for one, two in zip(total, gradients)]
            found.append((float(loss), top))
        self._taught.apply(total)
        return _told(*zip(*found))

    def _gradient(self, image, label):
        with tf.GradientTape() as tape:
            logits = self._network(tf.cast(image, tf.float32), training=False)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits)[0]
        return loss, tape.gradient(loss, self._taught.variables)


class Product:
    """Select-then-batch, as `train.py` does it after the warm-up.

    Args:
        dtype: of the search; None searches with the exact model.
        area: of the search.
    """

    def __init__(self, source, model, options, dtype=None, area="full"):
        tf.config.experimental.enable_op_determinism()  # as training does
        self._source, self._taught = source, Taught(model, options)
        scorer = Scorer(model, options["chunk"])
        search = Search(model, scorer, dtype, options["chunk"], area=area) if dtype else ExactSearch(scorer)
        self._search, self._chosen = search, []
        self._signal = SelectThenBatch(
            model, self._choose(ByScore(self._candidates, top_instance)), registry.loss(options["loss"]),
            options["micro_batch"], training=False,
        )
        self._exact = dtype is None

    def __call__(self, window):
        self._close = 0
        result = self._signal(self._source, np.array(window), 0)
        self._taught.apply(result.gradients)
        return _told(result.losses.tolist(), self._chosen) | {"close_calls": self._close}

    def _candidates(self, source, window):
        found = self._search(source, window)
        self._close += 0 if self._exact else sum(len(each.indices) > 1 for each in found)
        return found

    def _choose(self, chooser):
        def choose(source, window, epoch):
            chosen = chooser(source, window, epoch)
            self._chosen = [int(each.indices[0]) for each in chosen]
            return chosen

        return choose


class Bound:
    """What no search can be faster than: a bare folded bfloat16 forward pass over all slices, and the gradient.

    The slices lie in memory as tensors, in portions of one shape; the folded weights are constants; nothing is chosen:
    the first slice of every bag is differentiated, all in one pass.
    """

    def __init__(self, source, model, options, chunk=16):
        self._source, self._taught = source, Taught(model, options)
        self._network = logits_model(model)
        self._chunk = chunk
        self._bags = [tf.constant(_whole(source, p)) for p in range(len(source))]
        self._forward = tf.function(bare_forward(model, options))
        self._graph = tf.function(self._gradient)

    def __call__(self, window):
        for position in window:
            bag = self._bags[position]
            for start in range(0, len(bag), self._chunk):
                self._forward(bag[start : start + self._chunk]).numpy()
        images = tf.concat([self._bags[p][:1] for p in window], 0)
        losses, gradients = self._graph(images, tf.constant(self._source.labels[window, 0]))
        self._taught.apply(gradients)
        return _told(losses.numpy().tolist(), [0] * len(window))

    def _gradient(self, images, labels):
        with tf.GradientTape() as tape:
            logits = self._network(tf.cast(images, tf.float32), training=False)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            mean = tf.reduce_mean(losses)
        return losses, tape.gradient(mean, self._taught.variables)


def bare_forward(model, options):
    """images (n, h, w, 1) in HU -> logits (n, 2): a folded bfloat16 ResNet in plain operations on constants."""
    import keras

    folded = Folded(model, "bfloat16").network
    weights = {layer.name: [tf.constant(w) for w in layer.get_weights()] for layer in folded.layers if layer.weights}
    strides = {
        layer.name: layer.strides[0] for layer in model.layers if isinstance(layer, keras.layers.Conv2D)
    }
    blocks = sorted({name.rpartition("_")[0] for name in weights if name.startswith("stage")}, key=_block)
    low, high = (tf.constant(part, tf.float32) for part in (options["hu_points"][:-1], options["hu_points"][1:]))
    scale, shift = 2.0 / (high - low), -1.0 - 2.0 * low / (high - low)

    def convolve(x, name):
        kernel, bias = weights[name]
        return tf.nn.bias_add(tf.nn.conv2d(x, kernel, strides[name], "SAME"), bias)

    def block(x, name):
        shortcut = x
        if f"{name}_shortcut" in weights:
            stride = strides[f"{name}_conv1"]
            shortcut = convolve(x[:, ::stride, ::stride] if stride > 1 else x, f"{name}_shortcut")
        x = tf.nn.relu(convolve(x, f"{name}_conv1"))
        return tf.nn.relu(convolve(x, f"{name}_conv2") + shortcut)

    def forward(images):
        x = tf.cast(tf.clip_by_value(tf.cast(images, tf.float32) * scale + shift, -1.0, 1.0), tf.bfloat16)
        x = tf.nn.max_pool2d(tf.nn.relu(convolve(x, "stem_conv")), 3, 2, "SAME")
        for name in blocks:
            x = block(x, name)
        kernel, bias = weights["logits"]
        return tf.matmul(tf.reduce_mean(tf.cast(x, tf.float32), [1, 2]), kernel) + bias

    return forward


def _whole(source, position):
    return source.take(position, range(source.counts[position]))


def _block(name):
    stage, _, block = name.partition("_")
    return int(stage.removeprefix("stage")), int(block.removeprefix("block"))


ROWS = {
    "literal": Tape,
    "one batch": lambda *given: Tape(*given, at_once=True),
    "select, then gradient": BagByBag,
    "select-then-batch, exact": Product,
    "select-then-batch": lambda *given: Product(*given, dtype="bfloat16"),
    "select-then-batch, head": lambda *given: Product(*given, dtype="bfloat16", area="head"),
    "bound": Bound,
}


def _told(losses, tops):
    return {"losses": [float(loss) for loss in losses], "tops": [int(top) for top in tops], "close_calls": ""}


def build(name, folder, window):
    """(step, facts) of a row."""
    source, model, options = material.load(folder)
    row = ROWS[name](source, model, options)
    return lambda index: row(material.window_at(index, window, len(source))), {"tensorflow": tf.__version__}


if __name__ == "__main__":
    serve(lambda: build(sys.argv[1], sys.argv[2], int(sys.argv[3])))
