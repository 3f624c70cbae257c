"""Which rigid motion takes a template onto a scan: Euler angles and shift by mutual information, coarse to fine.

Centres of mass are laid on each other, poses all around are tried on the coarsest level, and the best of them climb
level by level. A climb is started again from where it ended until that no longer helps, because one alone ends
wherever its steps have become short. Then the answer is judged: a wrong one would be worse than none.
"""

import itertools
from typing import NamedTuple

import numpy as np

from preprocessing.itk import sitk

# All of these are our decisions; `benchmarks/alignment.py` measures what they give.
BINS = 32
ANGLES = (-20.0, 0.0, 20.0)  # degrees about every axis from which to start
HEIGHTS = (-20.0, 20.0)  # mm along the patient; a long neck, or a cut vertex, moves the centre of mass
KEPT = (8, 3, 1)  # starts that climb each of the levels
SAME = 0.1, 5.0  # radians and mm within which two motions are one
SHARE = (1.0, 0.3, 1.0)  # of the voxels that are compared on each level
SEED = 1  # of the points within them; 0 would be the clock
STEPS = (4.0, 2.0, 1.0)  # mm, the first step on each
SHORTEST = (0.2, 0.02, 0.005)  # mm, at which a climb ends
LEVER = 60.0  # mm, about a head's radius: a radian counts as that many mm
AGAIN, ENOUGH = 4, (1e-2, 1e-3, 1e-4)  # climbs at most, and the gain on each below which another is not worth it
MOST_ANGLE = 60.0  # degrees; no head lies so in a scanner that calls it axial
MOST_SHIFT = 60.0  # mm between the centres of mass
LEAST_MATCH = 0.4  # correlation of the HU of template and scan
LEAST_SEEN = 0.25  # of the template's head that the scan must cover


class Found(NamedTuple):
    """A rigid motion.

    Attributes:
        matrix: (4, 4), template mm -> scan mm.
        shift: mm between the centres of mass once it is done; as match and seen of what the scan was compared with.
        match: correlation of the HU where either of the two has a head.
        seen: share of the template's head that the scan covers.
    """

    matrix: np.ndarray
    shift: float
    match: float
    seen: float

    @property
    def angle(self):
        """Degrees of its rotation."""
        return rotation(self.matrix)

    @property
    def problem(self):
        """Why it is not to be trusted, or ""."""
        if self.angle > MOST_ANGLE:
            return f"a rotation of {self.angle:.0f} degrees"
        if self.shift > MOST_SHIFT:
            return f"a shift of {self.shift:.0f} mm"
        if self.seen < LEAST_SEEN:
            return f"{100 * self.seen:.0f} % of the template's head covered"
        if not self.match >= LEAST_MATCH:
            return f"a correlation of {self.match:.2f}"
        return ""


def rotation(matrix):
    """Degrees of the rotation in a matrix (4, 4)."""
    return float(np.degrees(np.arccos(np.clip((np.trace(matrix[:3, :3]) - 1) / 2, -1, 1))))


def register(template, scan):
    """Finds the motion.

    Args:
        template, scan: `preprocessing.alignment.views.View`.

    Returns:
        Found.
    """
    motions = _starts(template, scan)
    for level, kept in enumerate(KEPT):
        motions = _distinct(_best(_climbed(template, scan, level, motion) for motion in motions[:kept]))
    return _judged(template, scan, motions[0])


def _starts(template, scan):
    """Euler transforms around the centres of mass, the most alike first."""
    method = _method(template, scan, 0)
    every = itertools.product(ANGLES, ANGLES, ANGLES, HEIGHTS)
    starts = [sitk.Euler3DTransform((0, 0, 0), *np.radians(a).tolist(), (0.0, 0.0, z)) for *a, z in every]
    return _best((_value(method, template, scan, start), start) for start in starts)


def _best(pairs):
    """The second of (value, motion), the lowest value first."""
    return [motion for _, motion in sorted(pairs, key=lambda pair: pair[0])]


def _distinct(motions):
    """Those that are not nearly one before them."""
    found = []
    for motion in motions:
        apart = [np.abs(np.subtract(motion.GetParameters(), other.GetParameters())) for other in found]
        if not any(each[:3].max() < SAME[0] and each[3:].max() < SAME[1] for each in apart):
            found.append(motion)
    return found


def _value(method, template, scan, motion):
    method.SetInitialTransform(motion)
    try:
        return method.MetricEvaluate(template.images[0], scan.images[0])
    except RuntimeError:  # the two do not meet
        return float("inf")


def _climbed(template, scan, level, start):
    """(value, motion) from a start."""
    best = float("inf"), start
    for _ in range(AGAIN):
        value, motion = _climb(template, scan, level, best[1])
        gain = best[0] - value
        best = min(best, (value, motion), key=lambda pair: pair[0])
        if not gain > ENOUGH[level]:
            break
    return best


def _climb(template, scan, level, start):
    method, step = _method(template, scan, level), STEPS[level]
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=step, minStep=SHORTEST[level], numberOfIterations=100, relaxationFactor=0.6,
        gradientMagnitudeTolerance=1e-8,
    )
    method.SetOptimizerScales([LEVER**2] * 3 + [1.0] * 3)
    motion = sitk.Euler3DTransform(start)
    method.SetInitialTransform(motion, inPlace=True)
    try:
        method.Execute(template.images[level], scan.images[level])
    except RuntimeError:  # it has left the scan
        return float("inf"), start
    return method.GetMetricValue(), motion


def _method(template, scan, level):
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(SHARE[level], SEED)
    method.SetMetricFixedMask(template.seen[level])
    method.SetMetricMovingMask(scan.seen[level])
    method.SetInterpolator(sitk.sitkLinear)
    method.SetNumberOfThreads(1)  # a sum over threads depends on their number
    return method


def _judged(template, scan, motion):
    image, seen = (sitk.GetArrayFromImage(part[-1]) for part in (template.images, template.seen))
    moved = _moved(scan.images[-1], template, motion, sitk.sitkLinear, scan.low)
    reached = (_moved(scan.seen[-1], template, motion, sitk.sitkNearestNeighbor, 0) > 0) & (seen > 0)
    body = image > template.low + 1
    covered = np.count_nonzero(body & reached) / max(1, np.count_nonzero(body))
    either = (body | (moved > scan.low + 1)) & reached
    pair = image[either], moved[either]
    match = np.corrcoef(*pair)[0, 1] if covered and all(np.ptp(each) for each in pair) else 0.0
    matrix, shift = _in_world(template, scan, motion), np.linalg.norm(motion.GetTranslation())
    return Found(matrix, float(shift), float(match), float(covered))


def _moved(image, template, motion, interpolator, outside):
    return sitk.GetArrayFromImage(sitk.Resample(image, template.images[-1], motion, interpolator, outside))


def _in_world(template, scan, motion):
    """(4, 4) of a motion between the centred frames, between the worlds."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(motion.GetMatrix(), (3, 3))
    matrix[:3, 3] = scan.centre + motion.GetTranslation() - matrix[:3, :3] @ template.centre
    return matrix
