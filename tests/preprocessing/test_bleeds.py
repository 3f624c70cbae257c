import numpy as np
import pytest

from preprocessing import bleeds
from preprocessing.bleeds import CLASSES, Reading, typed
from preprocessing.errors import ScanError, UsageError

EPIDURAL, PARENCHYMA, VENTRICLES, SULCI, SUBDURAL = np.eye(5, dtype=int)
NONE, OPEN = (0,) * 5, (-1,) * 5
PHANTOMS = ("epidural", "subdural", "intraparenchymal", "intraventricular", "subarachnoid")


def mask_of(*slices):
    """uint8 (n, 2, 3) whose slices have these values, and 0 elsewhere."""
    mask = np.zeros((len(slices), 2, 3), np.uint8)
    for one, values in zip(mask, slices):
        one.flat[: len(values)] = values
    return mask


def of(mask, table, reading=None, label=1):
    return typed(mask, mask.shape, label, table, reading or Reading())


def test_classes_are_in_the_order_of_rsnas_columns():
    assert CLASSES == ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
    assert set(bleeds.PRECEDENCE) == set(CLASSES)


def test_class_ids_of_another_order_become_places_in_the_classes():
    found = of(mask_of([1, 2], [5, 3, 4], []), None, Reading(PHANTOMS))
    np.testing.assert_array_equal(found.mask, mask_of([1, 5], [4, 2, 3], []))
    assert found.truth.tolist() == [[1, 0, 0, 0, 1], [0, 1, 1, 1, 0], [0] * 5]
    assert found.label.tolist() == [1, 1, 1, 1, 1] and not found.left_out


def test_a_class_id_beyond_the_names_is_refused():
    with pytest.raises(ScanError, match=r"expected class ids 0 to 2 \(epidural, subdural\), has 3"):
        of(mask_of([3]), None, Reading(("epidural", "subdural")))


def test_the_table_stands_over_class_ids_and_what_contradicts_them_is_left_out():
    table = {0: tuple(EPIDURAL), 1: OPEN, 2: tuple(SUBDURAL)}
    found = of(mask_of([1], [1], [1], [2]), table, Reading(PHANTOMS))
    assert found.truth.tolist() == [EPIDURAL.tolist(), [-1] * 5, [-1] * 5, SUBDURAL.tolist()]
    assert found.left_out == {2: "epidural in the mask, subdural in the table"}
    assert found.label.tolist() == [1, -1, -1, -1, 1]


@pytest.mark.parametrize("value", [1, 255])
def test_a_binary_masks_blood_gets_the_tables_type(value):
    found = of(mask_of([value, value], []), {0: tuple(SULCI), 1: NONE})
    np.testing.assert_array_equal(found.mask, mask_of([4, 4], []))
    assert found.truth.tolist() == [SULCI.tolist(), [0] * 5] and not found.left_out


def test_greys_below_half_of_255_are_no_blood():
    found = of(mask_of([255, 128, 127, 9]), {0: tuple(EPIDURAL)})
    np.testing.assert_array_equal(found.mask, mask_of([1, 1]))


@pytest.mark.parametrize(
    "types, mask_has",
    [
        (VENTRICLES + PARENCHYMA, 2), (PARENCHYMA + SULCI, 4), (VENTRICLES + PARENCHYMA + SULCI, 4),
        (SULCI + EPIDURAL, 1), (PARENCHYMA + SUBDURAL, 5),
    ],
)
def test_several_types_in_a_binary_mask(types, mask_has):
    """The combinations that CT-ICH's table has."""
    table = {0: tuple(types)}
    found = of(mask_of([255]), table)
    assert found.mask.max() == mask_has and found.truth[0].tolist() == types.tolist() and not found.left_out
    found = of(mask_of([255]), table, Reading(several="leave-out"))
    assert found.truth.tolist() == [[-1] * 5] and found.left_out == {0: "several types in a binary mask"}


def test_the_last_type_of_ct_ichs_columns_makes_the_counts_of_the_papers_table_2():
    """The table's 25 slices with several types, as combinations of (IVH, IPH, SAH, EDH, SDH) and how often."""
    several = {"IP": 8, "PS": 4, "IS": 2, "IPS": 1, "PE": 4, "PD": 4, "SE": 2}
    names = dict(zip("IPSED", bleeds.PRECEDENCE))
    counts = {"I": 24, "P": 73, "S": 18, "E": 173, "D": 56}  # slices with each type in the table
    for letters, count in several.items():
        row = bleeds.of_names({names[letter] for letter in letters})
        mask = of(mask_of([255]), {0: row}).mask
        kept = CLASSES[mask.max() - 1]
        for letter in letters:
            counts[letter] -= count * (names[letter] != kept)
    assert counts == {"I": 13, "P": 60, "S": 16, "E": 173, "D": 56}


def test_a_mask_and_a_table_that_contradict_each_other_leave_the_slice_out():
    found = of(mask_of([1], [], [1], []), {0: NONE, 1: tuple(SUBDURAL)})
    assert found.left_out == {
        0: "blood in the mask, none by the table", 1: "no blood in the mask, subdural in the table",
        2: "blood in the mask, no type in the table",
    }
    assert found.truth.tolist() == [[-1] * 5] * 3 + [[0] * 5]


def test_without_a_mask_the_table_alone_tells():
    found = typed(None, (3, 2, 2), 1, {0: tuple(SUBDURAL), 2: NONE}, Reading())
    assert found.mask is None and found.truth.tolist() == [SUBDURAL.tolist(), [-1] * 5, [0] * 5]
    assert found.label.tolist() == [-1, -1, -1, -1, 1]


@pytest.mark.parametrize("masks", [True, False])
def test_a_healthy_scan_is_healthy_all_over(masks):
    found = typed(None, (3, 2, 2), 0, None, Reading(masks=masks))
    assert found.truth.tolist() == [[0] * 5] * 3 and (found.mask is not None) == masks
    assert not masks or (found.mask.shape == (3, 2, 2) and not found.mask.any())


def test_values_that_are_neither_binary_nor_named_are_refused():
    with pytest.raises(ScanError, match="expected 0 and 1, or 0 and 255, has 0, 1, 5; --mask-classes names"):
        of(mask_of([1, 5]), None)


@pytest.mark.parametrize("text", ["epidural,chronic", "epidural,epidural", ""])
def test_mask_classes_that_are_none_are_refused(text):
    with pytest.raises(UsageError, match="--mask-classes: Expected some of epidural,"):
        bleeds.mask_classes(text)
    assert bleeds.mask_classes("Epidural, subdural") == ("epidural", "subdural")
