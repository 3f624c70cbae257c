import numpy as np
import pytest

from preprocessing.alignment import rigid
from preprocessing.alignment.rigid import Found
from preprocessing.alignment.views import view


def left_of(first, second, known, at):
    """(degrees, mm) that a known motion is not undone by."""
    left = np.linalg.inv(known @ first.matrix) @ second.matrix
    angle = np.degrees(np.arccos(np.clip((np.trace(left[:3, :3]) - 1) / 2, -1, 1)))
    return angle, np.linalg.norm(left[:3, :3] @ at + left[:3, 3] - at)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(("angles", "shift"), [((20, -15, 10), (30, -10, 25)), ((-25, 10, -20), (0, 30, -30))])
def test_a_known_motion_is_undone(phantom, motion, angles, shift):
    target = view(*phantom(0, positive=False)[1:])
    _, slices, to_mm = phantom(3)
    still = view(slices, to_mm)
    known = motion(angles, shift, still.centre)
    first, second = (rigid.register(target, each) for each in (still, view(slices, known @ to_mm)))
    degrees, mm = left_of(first, second, known, target.centre)
    assert degrees <= 2 and mm <= 3
    assert not first.problem and not second.problem


def test_a_head_is_found_on_itself_and_the_same_at_every_run(phantom):
    seen = view(*phantom(1)[1:])
    found = rigid.register(seen, seen)
    assert found.angle < 0.5 and found.shift < 0.5 and found.match > 0.99 and found.seen > 0.9
    again = rigid.register(seen, seen)
    np.testing.assert_array_equal(found.matrix, again.matrix)


GOOD = Found(np.eye(4), 5.0, 0.8, 0.9)
TURNED = np.array([[0.2588, -0.9659, 0, 0], [0.9659, 0.2588, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])  # by 75 degrees


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"matrix": TURNED}, "a rotation of 75 degrees"), ({"shift": 99.0}, "a shift of 99 mm"),
        ({"match": 0.2}, "a correlation of 0.20"), ({"match": float("nan")}, "a correlation of nan"),
        ({"seen": 0.1}, "10 % of the template's head covered"),
    ],
)
def test_what_cannot_be_trusted_has_a_reason(change, said):
    assert GOOD.problem == ""
    assert GOOD._replace(**change).problem == said
