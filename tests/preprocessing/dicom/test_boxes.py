from pathlib import Path

import numpy as np
import pytest

from preprocessing import boxes
from preprocessing.ct import load_bag
from preprocessing.dicom.studies import find
from preprocessing.errors import UsageError
from preprocessing.forms.bhx import CLASSES, Box
from preprocessing.settings import CtSettings

from .conftest import AXIAL

REAL = Path(__file__).parents[3].parent / "shared/data/dicom_head_ge"
MARK = Box("1.2.3.4", 3, 5, 4, 2, CLASSES.index("Subdural"), 1)  # columns 3 to 6, rows 5 and 6 of the fourth file
HEADER = "SOPInstanceUID,SeriesInstanceUID,StudyInstanceUID,data,labelName,labelType"


def marked(count=6):
    """Noise with MARK's pixels at 900 HU."""
    pixels = np.random.default_rng(0).integers(-50, 50, (count, 16, 16))
    pixels[3, 5:7, 3:7] = 900
    return pixels


def bag_of(folder, size=16, drawn=(MARK,), label=1):
    (series,) = [each for each in find(folder)[0] if not each.reason]
    return load_bag(series, CtSettings(size=size), id="a", label=label, boxes=list(drawn))


def covered(bag, box):
    """bool (n, h, w): the pixels whose centres a box of a bag covers."""
    instance, y0, x0, y1, x1 = box
    n, y, x = np.indices(bag.instances.shape[:3])
    return (n == instance) & (y > y0) & (y < y1) & (x > x0) & (x < x1)


@pytest.mark.parametrize("size", [16, 24, 25, 14])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("orientation", [AXIAL, (-1, 0, 0, 0, 1, 0), (1, 0, 0, 0, -1, 0), (0, 1, 0, 1, 0, 0)])
def test_a_box_covers_the_same_pixels_on_the_canvas(write_series, size, order, orientation):
    folder = write_series("a", pixels=marked(), orientation=orientation, up=(0, 0, order), spacing=(2.0, 2.0))
    bag = bag_of(folder, size)
    np.testing.assert_array_equal(covered(bag, bag.boxes[0]), bag.instances[..., 0] == 900)
    assert bag.box_class.tolist() == [4] and bag.box_drawn.tolist() == [1] and bag.meta == {}
    np.testing.assert_allclose(sorted(bag.boxes[0, 3:] - bag.boxes[0, 1:3]), [2, 4], atol=1e-3)


def test_pixels_need_not_be_square(write_series):
    bag = bag_of(write_series("a", pixels=marked(), spacing=(1.5, 0.7)))
    np.testing.assert_array_equal(covered(bag, bag.boxes[0]), bag.instances[..., 0] == 900)


def test_a_box_is_clipped_to_the_canvas_and_dropped_beyond_it(write_series):
    folder = write_series("a", pixels=marked())
    edge, beyond = MARK._replace(x=0, width=6), MARK._replace(x=0, width=4)
    bag = bag_of(folder, size=8, drawn=[edge, beyond, MARK._replace(name="1.2.3.99")])
    np.testing.assert_allclose(bag.boxes[0, 1:], [0.5, -0.5, 2.5, 1.5], atol=1e-3)  # 4 rows and columns are cropped
    assert len(bag.boxes) == 1 and bag.meta == {boxes.LEFT_OUT: 2}


def test_boxes_follow_the_shift_of_rows_that_mends_a_tilted_gantry(write_series):
    """Planes leaning by 15 degrees and stacked straight up, as tilted scanners do."""
    lean = np.radians(15)
    tilted = (1, 0, 0, 0, np.cos(lean), -np.sin(lean))
    bag = bag_of(write_series("a", pixels=marked(), orientation=tilted, GantryDetectorTilt=15.0), size=32)
    found = bag.instances[..., 0] > 450
    assert found.any() and bag.source_shape[1] > 16  # rows were shifted, by parts of pixels
    inside = covered(bag, bag.boxes[0] + [0, -1, -1, 1, 1])
    assert not (found & ~inside).any() and (found & covered(bag, bag.boxes[0])).sum() >= 4


def test_no_box_is_known_of_a_negative_scan_alone(write_series):
    folder = write_series("a", pixels=marked())
    assert bag_of(folder, drawn=(), label=1).boxes is None
    assert bag_of(folder, drawn=(), label=0).boxes.shape == (0, 5)


def test_boxes_between_resampled_slices_are_counted(write_series):
    """At 0, 5, 10, 16, 21 and 26 mm, of which dcm2niix makes slices 4.33 mm apart: two are shown by none of them."""
    folder = write_series("a", step=[5.0, 5.0, 6.0, 5.0, 5.0])
    bag = bag_of(folder, drawn=[MARK._replace(name=f"1.2.3.{k}") for k in range(1, 7)])
    assert bag.n == 7 and len(bag.boxes) == 4 and bag.meta[boxes.LEFT_OUT] == 2
    assert all(bag.instance_id[int(place)] for place in bag.boxes[:, 0])


def table(path, *rows):
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def test_a_table_is_read_by_slice_and_its_bad_rows_are_listed(write_series, tmp_path):
    data = "\"{'x': 3, 'y': 5, 'width': 4, 'height': 2}\""
    path = table(
        tmp_path / "boxes.csv", f"1.2.3.4,1.2.3,1.2,{data},Subdural,handDrawn", f"7.7,7,7,{data},Chronic,handDrawn",
        f"1.2.3.9,1.2.3,1.2,{data},epidural,extrapolated", "1.2.3.4,1.2.3,1.2,None,Subdural,handDrawn",
        '1.2.3.4,1.2.3,1.2,"{\'x\': 1}",Subdural,handDrawn', f"1.2.3.4,1.2.3,1.2,{data},Tumour,handDrawn",
        '1.2.3.4,1.2.3,1.2,"__import__(\'os\')",Subdural,handDrawn',
        "1.2.3.4,1.2.3,1.2,\"{'x': 3, 'y': 5, 'width': 0, 'height': 2}\",Subdural,handDrawn",
    )
    volumes = {"a": find(write_series("a"))[0]}
    found, rejected = boxes.read(path, volumes)
    assert found == {"a": [MARK, MARK._replace(name="1.2.3.9", kind=0, drawn=0)]}
    reasons = [reason for _, _, reason in rejected]
    assert reasons[0] == "box: a label of a whole slice, without a box (line 5)"
    assert reasons[1] == "box: data must be x, y, width and height, is \"{'x': 1}\" (line 6)"
    assert reasons[2].startswith("box: labelName must be one of Epidural, ") and "(line 7)" in reasons[2]
    assert reasons[3].endswith("(line 8)") and reasons[4].endswith("(line 9)")
    assert reasons[5:] == ["boxes: 1 are on slices of no scan"]


def test_boxes_on_slices_of_other_scans_are_refused(write_series, save, tmp_path):
    data = "\"{'x': 3, 'y': 5, 'width': 4, 'height': 2}\""
    path = table(tmp_path / "boxes.csv", f"7.7,7,7,{data},Chronic,handDrawn")
    message = "Expected boxes on slices of the scans, which must be DICOM. Received: 1 on other slices"
    for volumes in ({"a": find(write_series("a"))[0]}, {"b": [save("b.nii")]}):
        with pytest.raises(UsageError, match=message):
            boxes.read(path, volumes)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real series is not there: {REAL}")
def test_boxes_of_the_real_tilted_series_lie_where_its_pixels_do():
    """The first and last slice are not between others, so that their pixels are kept."""
    import pydicom

    (series,) = find(REAL)[0]
    for plane in (series.slices[0], series.slices[-1]):
        (file,) = [each for each in map(pydicom.dcmread, REAL.glob("*.dcm")) if each.SOPInstanceUID == plane.name]
        bag = bag_of(REAL, 640, [Box(plane.name, 200, 150, 90, 60, 0, 1)])
        instance, *edges = bag.boxes[0]
        y0, x0, y1, x1 = (np.array(edges) + 0.5).round().astype(int)
        hu = file.pixel_array[150:210, 200:290] * float(file.RescaleSlope) + float(file.RescaleIntercept)
        shown = bag.instances[int(instance), y0:y1, x0:x1, 0].astype(float)
        assert np.abs(shown - np.maximum(hu, -1024)).mean() < 0.2  # a row aside it is 0.45 at least
