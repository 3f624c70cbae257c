"""Augmentation of nemcek2021 (section II-E): numbers are drawn by seed, then applied to slices in `tf.data`.

Crop, mirror and affine are one bilinear interpolation of the slice in HU; then its channels are made; then those are
made brighter or darker, and blurred or sharpened, since the paper's +-0.2 fits standardised values.

Where the paper is silent, our decisions: a mirror across the midline alone; one scale for both axes and one shear, of
columns along rows; the affine turns about the crop's centre and sees the whole slice, so that `fill` comes in from
outside the slice alone; one brightness for all channels; blurred or sharpened, never both, by one draw.

The label is the slice's, as in the paper: a crop that loses the lesion keeps it. Boxes do not follow.
"""

import dataclasses
import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mil_tf.data import AUGMENT_STREAM, generator

TRUNCATE = 4.0  # sigmas after which a Gaussian ends; scipy's default, our decision
SHARPEST = 1e-3  # sigma of pixels that is divided by at least; below 0.1 the kernel is the identity in float32
# Five points, as scipy.ndimage.laplace; the paper says no more than "Laplacian".
LAPLACIAN = np.array([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


class Draw(NamedTuple):
    """The numbers of one slice. Geometry leads from the output to the slice: a scale above 1 shows more of it."""

    angle: float = 0.0  # radians
    scale: float = 1.0
    shear: float = 0.0  # columns a row
    mirror: float = 1.0  # -1 exchanges left and right
    rows: float = 0.0  # translation, a part of the slice's height
    columns: float = 0.0
    top: float = 0.0  # 0..1, of the rows that a crop can move by
    left: float = 0.0
    factor: float = 1.0
    addition: float = 0.0
    sigma: float = 0.0  # of a Gaussian, pixels
    sharpness: float = 0.0  # times the Laplacian, subtracted


@dataclasses.dataclass(frozen=True)
class Ranges:
    """How far each number goes either way; nemcek2021, section II-E.

    Args:
        rotation: degrees.
        scaling: a part of the size.
        shear: a part of the height by which columns lean.
        mirror: whether half of the slices are mirrored.
        brightness: largest factor; its inverse is the smallest.
        addition: of standardised values.
        blur: largest sigma, pixels.
        sharpen: largest part of the Laplacian that is subtracted.
        translation: a part of the slice's side; the paper names none.

    Raises:
        ValueError: where a range is negative, or would turn the slice inside out.
    """

    rotation: float = 30.0
    scaling: float = 0.1
    shear: float = 0.05
    mirror: bool = True
    brightness: float = 1.02
    addition: float = 0.2
    blur: float = 0.5
    sharpen: float = 0.5
    translation: float = 0.0

    def __post_init__(self):
        if min(dataclasses.astuple(self)) < 0 or not self.scaling < 1 <= self.brightness:
            raise ValueError(
                f"Expected ranges of at least 0, `scaling` below 1 and `brightness` of at least 1. Received: {self}"
            )

    @property
    def radius(self):
        """Pixels to either side that blurring or sharpening looks at."""
        return max(int(TRUNCATE * self.blur + 0.5), int(self.sharpen > 0))

    def sample(self, rng):
        """Returns a Draw; each number takes as many draws whatever the ranges are."""
        angle, scale, shear, rows, columns, addition, u = rng.uniform(-1, 1, 7)
        top, left, side, factor = rng.uniform(0, 1, 4)
        darkest = 1 / self.brightness
        return Draw(
            np.deg2rad(self.rotation * angle), 1 + self.scaling * scale, self.shear * shear,
            -1.0 if self.mirror and side < 0.5 else 1.0, self.translation * rows, self.translation * columns,
            top, left, darkest + (self.brightness - darkest) * factor, self.addition * addition,
            self.blur * max(-u, 0.0), self.sharpen * max(u, 0.0),
        )


STILL = Ranges(0.0, 0.0, 0.0, False, 1.0, 0.0, 0.0, 0.0)
# The released code adds a translation of 50 pixels of 512.
KINDS = {"none": None, "paper": Ranges(), "released": Ranges(translation=50 / 512)}


def slice_augmentation(ranges, crop, channels, seed, fill):
    """Returns a function (images float32 (m, h, w, 1), epoch, keys (m, ...)) -> float32 (m, h', w', c).

    A graph is traced once for all m of a slice's size. What it computes for a slice depends on no other one.

    Args:
        ranges: Ranges, or None for the crop alone.
        crop: side of the crop (256 in the paper), which never is larger than the slice; 0 keeps the slice's size.
        channels: function (n, h, w, 1) in HU -> (n, h, w, c) float32, without weights that learn; see
            `mil_tf.models.channels`.
        seed: of the run; every slice's draw depends on seed, epoch and its key (a row of numbers) alone.
        fill: HU of what comes in from outside the slice (air: -1024).

    Raises:
        ValueError: where `crop` is below 0.
    """
    if crop < 0:
        raise ValueError(f"Expected `crop` of at least 0. Received: {crop}")
    ranges = ranges or STILL

    @functools.cache
    def graph(shape):
        return _graph(shape, cropped(shape, crop), ranges.radius, channels, fill)

    def augment(images, epoch, keys):
        shape = tuple(images.shape[1:3])
        draws = [ranges.sample(generator(seed, AUGMENT_STREAM, epoch, *key)) for key in keys]
        steps = [Steps.of(draw, shape, cropped(shape, crop), ranges.radius) for draw in draws]
        with tf.device("CPU"):  # whose bits do not depend on the accelerator, which gets the crops alone
            return graph(shape)(tf.cast(images, tf.float32), Steps(*map(np.array, zip(*steps))))

    return augment


def cropped(shape, crop):
    """(height, width) of what `crop` leaves of a slice."""
    return tuple(min(crop, side) if crop else side for side in shape)


class Steps(NamedTuple):
    """A draw as what is computed with it, float32.

    matrix: (8,) of a projective transform, output -> slice. brightness: (2,), factor and addition. kernel: (k, k).
    """

    matrix: np.ndarray
    brightness: np.ndarray
    kernel: np.ndarray

    @classmethod
    def of(cls, draw, shape, size, radius):
        """Args: draw; (height, width) of the slice and of the crop; `Ranges.radius`."""
        found = _matrix(draw, shape, size), (draw.factor, draw.addition), _kernel(draw, radius)
        return cls(*(np.array(each, np.float32) for each in found))


def apply(image, steps, size, channels, fill):
    """One slice (h, w, 1) in HU -> (h', w', c), by its Steps."""
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None], transforms=steps.matrix[None], output_shape=size, fill_value=float(fill),
        interpolation="BILINEAR",
    )
    made = channels(tf.ensure_shape(moved, (1, *size, 1)))
    return _filtered(made * steps.brightness[0] + steps.brightness[1], steps.kernel)[0]


def _graph(shape, size, radius, channels, fill):
    """The graph of all numbers of slices of a shape, which are at work beside each other."""
    side = 2 * radius + 1
    spec = Steps(*(tf.TensorSpec([None, *each]) for each in ((8,), (2,), (side, side))))

    @tf.function(input_signature=[tf.TensorSpec([None, *shape, 1]), spec])
    def augmented(images, steps):
        one = functools.partial(apply, size=size, channels=channels, fill=fill)
        slices = tf.data.Dataset.from_tensor_slices((images, steps))
        slices = slices.map(one, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return slices.batch(tf.shape(images, tf.int64)[0]).get_single_element()

    return augmented


def _matrix(draw, shape, size):
    """Eight numbers; a crop alone starts at a whole pixel, so that nothing is interpolated."""
    cosine, sine = draw.scale * np.cos(draw.angle), draw.scale * np.sin(draw.angle)
    turned = np.array([[cosine, -sine], [sine, cosine]])
    linear = turned @ np.array([[1.0, draw.shear], [0.0, 1.0]]) @ np.diag([draw.mirror, 1.0])
    corner = [min(int(part * (whole - kept + 1)), whole - kept)
              for part, whole, kept in zip((draw.left, draw.top), shape[::-1], size[::-1])]
    middle = (np.array(size[::-1]) - 1) / 2
    offset = middle + corner + np.multiply((draw.columns, draw.rows), shape[::-1]) - linear @ middle
    return *linear[0], offset[0], *linear[1], offset[1], 0.0, 0.0


def _kernel(draw, radius):
    """The Gaussian less the Laplacian; one of the two is the identity or 0."""
    away = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (away / max(draw.sigma, SHARPEST)) ** 2)
    weights /= weights.sum()
    laplacian = np.pad(LAPLACIAN, radius - 1) if radius else 0.0
    return np.outer(weights, weights) - draw.sharpness * laplacian


def _filtered(images, kernel):
    """Every channel convolved; the image is mirrored at its border, the outermost pixel twice."""
    radius, count = kernel.shape[0] // 2, images.shape[-1]
    padded = tf.pad(images, [[0, 0], [radius] * 2, [radius] * 2, [0, 0]], "SYMMETRIC")
    kernels = tf.tile(kernel[:, :, None, None], [1, 1, count, 1])
    return tf.nn.depthwise_conv2d(padded, kernels, [1, 1, 1, 1], "VALID")
