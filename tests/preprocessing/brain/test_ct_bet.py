import os
import stat
import sys

import numpy as np
import pytest

from preprocessing.brain import ct_bet
from preprocessing.errors import ScanError

FAKE = """#!{python}
import sys
import nibabel as nib, numpy as np
given, made = sys.argv[1:3]
assert sys.argv[3:] == ["-f", "0.01", "-m", "-n"], sys.argv
image = nib.load(given)
data = image.get_fdata()
assert data.min() >= 0 and data.max() <= 100
if data.max() == 0:
    sys.exit("nothing to see")
nib.save(nib.Nifti1Image((data > 20).astype(np.uint8), image.affine), made + "_mask.nii.gz")
"""


@pytest.fixture
def bet2(tmp_path, monkeypatch):
    """A program in place of FSL's, which says with which arguments and values it was called."""
    path = tmp_path / "bet2"
    path.write_text(FAKE.format(python=sys.executable))
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")


def head():
    slices = np.full((6, 20, 24), -1000, np.float32)
    slices[1:5, 4:16, 4:20] = 1000
    slices[1:5, 6:14, 6:18] = 40
    slices[2, 9:11, 9:12] = 200  # a calcification inside
    slices[3, 6:14, 6:8] = 45
    return slices


@pytest.mark.parametrize("upwards", [True, False])
@pytest.mark.usefixtures("bet2")
def test_the_mask_comes_back_where_the_brain_is(upwards):
    found = ct_bet.extract(head(), (5, 1, 1), upwards)
    assert found[2:4, 7:13, 7:17].all() and not found[:, :3].any() and not found[:, :, :3].any()
    assert not found[0].any() and not found[5].any()


@pytest.mark.usefixtures("bet2")
def test_a_failure_of_the_program_is_one_line():
    with pytest.raises(ScanError, match="brain extraction: bet2 failed: nothing to see"):
        ct_bet.extract(np.full((4, 8, 8), -1000, np.float32), (5, 1, 1))


def test_a_missing_program_is_told(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ScanError, match="bet2 is not on the PATH; install FSL or use --brain native"):
        ct_bet.extract(head(), (5, 1, 1))
