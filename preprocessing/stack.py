"""A scan's slices on the axes of a bag, on their way from the file to the bag."""

from typing import Any, NamedTuple

import numpy as np


class Stack(NamedTuple):
    """Slices, and where they lie.

    Attributes:
        hu: float32 (n, h, w), rows towards posterior and columns towards left.
        inside: bool (n, h, w), the voxels within the skull, or None where they are not looked for.
        drawn: uint8 (n, h, w), class ids, or None.
        to_mm: (4, 4), (column, row, slice, 1) -> RAS+ mm, of the scan or of the template that it was aligned to.
        transform: (4, 4), those mm -> mm of the scan.
        aligned: whether the slices are cut anew, not the scan's own.
        facts: what is to be known of how it was made, for the bag's `meta`.
    """

    hu: Any
    inside: Any
    drawn: Any
    to_mm: np.ndarray
    transform: np.ndarray
    aligned: bool
    facts: dict

    @property
    def spacing(self):
        """mm between slices, rows, columns."""
        return tuple(np.linalg.norm(self.to_mm[:3, :3], axis=0)[::-1].tolist())

    def told(self, facts):
        """The same with more facts; flags are joined."""
        flags = [each["flags"] for each in (self.facts, facts) if "flags" in each]
        joined = {"flags": "; ".join(flags)} if flags else {}
        return self._replace(facts={**self.facts, **facts, **joined})
