import pytest

from benchmarks import full_size_fields


@pytest.mark.long
@pytest.mark.parametrize("learns_from", full_size_fields.ROWS)
def test_a_step_and_a_prediction_of_small_fields_are_measured(learns_from):
    options = ["widths=(2,2,2,2,2,4)", "first_stride=1", "cell_crop=33"]
    found = full_size_fields.measure(learns_from, 2, options, (40, 48))
    assert found["finite"] and found["fields"] == 2 and found["learns_from"] == learns_from
    assert found["peak_gib"] >= found["step_peak_gib"] >= found["peak_before_gib"] > 0
