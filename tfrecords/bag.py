"""`Bag`, the one noun of the project: a scan, slide or field as a set of instances under one label."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from tfrecords.errors import DatasetError
from tfrecords.schema import ARRAYS, INSTANCE_DTYPES


class BagRow(NamedTuple):
    """One row of `bags.csv`: which bag, how many instances, and where its framed record lies."""

    id: str
    patient: str
    label: tuple[int, ...]
    n: int
    shard: str
    offset: int
    length: int


@dataclasses.dataclass(eq=False)
class Bag:
    """A set of n instances of shape (h, w, c) with k labels; numpy arrays only.

    Attributes:
        id: unique in the data set.
        patient: what no split may cut through.
        label: int64 (k,), multi-hot; -1 is unknown.
        instances: float16 or uint8 (n, h, w, c) in stored order; None where `source_path` is read instead, or
            was not read.
        source_index: int64 (n,), where each instance came from, so that a shuffle can be undone.
        instance_id: n strings, the source's own names (SOPInstanceUID).
        instance_label: int64 (n, k), -1 unknown; for evaluation, training never reads it.
        boxes: float32 (m, 5): instance, y0, x0, y1, x1 in pixels; with `box_class` and `box_drawn` (1 by
            hand), int64 (m,).
        points: float32 (p, 4): instance, y, x, class.
        mask: uint8 (n, h, w), class ids.
        spacing: float32 (3,), mm: column, row, slice.
        affine: float32 (4, 4), (column, row, source_index, 1) -> RAS+ mm.
        source_affine, source_shape: float32 (4, 4) and int64 (3,), of the scan as it came.
        transform: float32 (4, 4), the bag's RAS+ mm -> the source's RAS+ mm.
        source_path, level, mpp, coords: the slide, its level, micrometres a pixel, and int64 (n, 2) patch
            corners.
        meta: whatever else is known, as JSON.

    Raises:
        DatasetError: an array has another shape or type than this.
    """

    id: str
    patient: str
    label: Any
    instances: Any
    source_index: Any
    instance_id: list[str] | None = None
    instance_label: Any = None
    boxes: Any = None
    box_class: Any = None
    box_drawn: Any = None
    points: Any = None
    mask: Any = None
    spacing: Any = None
    affine: Any = None
    source_affine: Any = None
    source_shape: Any = None
    transform: Any = None
    source_path: str | None = None
    level: Any = None
    mpp: Any = None
    coords: Any = None
    meta: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if not self.id or not self.patient:
            raise DatasetError(
                f"Expected a bag with an id and a patient. Received: {self.id!r} and {self.patient!r}."
            )
        sizes = {}
        for name, spec in ARRAYS.items():
            value = getattr(self, name)
            if value is not None:
                setattr(self, name, self._checked(name, np.asarray(value, spec.dtype), spec.shape, sizes))
        self._check_pixels(sizes)
        self._check_values()

    @property
    def n(self):
        """The number of instances."""
        return len(self.source_index)

    def _checked(self, name, value, shape, sizes):
        if shape == (1,):
            value = value.reshape(-1)
        fits = value.ndim == len(shape) and all(
            got == (want if isinstance(want, int) else sizes.setdefault(want, got))
            for got, want in zip(value.shape, shape)
        )
        if not fits:
            self._refuse(name, tuple(sizes.get(letter, letter) for letter in shape), value.shape)
        return value

    def _check_pixels(self, sizes):
        if self.instances is not None:
            if self.instances.dtype.name not in INSTANCE_DTYPES:
                self._refuse("instances", " or ".join(INSTANCE_DTYPES), self.instances.dtype)
            self._checked("instances", self.instances, ("n", "h", "w", "c"), sizes)
        if self.mask is not None:
            if self.mask.dtype != np.uint8:
                self._refuse("mask", "uint8", self.mask.dtype)
            self._checked("mask", self.mask, ("n", "h", "w"), sizes)

    def _check_values(self):
        if self.instance_id is not None and len(self.instance_id) != self.n:
            self._refuse("instance_id", f"{self.n} names", f"{len(self.instance_id)} names")
        for name in ("label", "instance_label"):
            value = getattr(self, name)
            if value is not None and not np.isin(value, (-1, 0, 1)).all():
                self._refuse(name, "only 0, 1 or -1 (unknown)", sorted(set(value.ravel().tolist())))

    def _refuse(self, name, expected, received):
        raise DatasetError(f"bag {self.id}, {name}: Expected {expected}. Received: {received}.")
