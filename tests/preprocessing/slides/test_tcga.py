"""What TCGA's names say of slides."""

import pytest

from preprocessing.slides.tcga import labels


@pytest.mark.parametrize("id, label, patient, section", [
    ("TCGA-3C-AALI-01A-01-TS1.8f2f0e0a-0b1c", 1, "TCGA-3C-AALI", "frozen"),
    ("TCGA-B0-5399-11A-01-TS1.9c", 0, "TCGA-B0-5399", "frozen"), ("TCGA-05-4245-02B-02-BS2", 1, "TCGA-05-4245", "frozen"),
    ("TCGA-A2-A0T2-09A-01-MS1.x", 1, "TCGA-A2-A0T2", "frozen"), ("TCGA-A2-A0T2-10A-01-DX1.x", 0, "TCGA-A2-A0T2", "paraffin"),
    ("TCGA-A2-A0T2-19A-01-TSA.x", 0, "TCGA-A2-A0T2", "frozen"),
])
def test_codes_below_10_are_tumour_and_those_below_20_normal(id, label, patient, section):
    found, rejected = labels([id])
    assert not rejected and (found[id].label, found[id].patient) == (label, patient)
    assert found[id].meta["section"] == section


@pytest.mark.parametrize("id, why", [
    ("TCGA-A2-A0T2-20A-01-TS1.x", "TCGA sample code 20 is neither tumour"), ("TCGA-A2-A0T2-99A-01-TS1", "code 99 is neither"),
    ("slide-1", "no TCGA slide's"), ("TCGA-A2-A0T2", "no TCGA slide's"), ("my-TCGA-A2-A0T2-01A-01-TS1", "no TCGA slide's"),
    ("TCGA-A2-A0T2-01A-01-TS1-mask", "no TCGA slide's"), ("TCGA-A2-A0T2-01A-01R-1234-07", "no TCGA slide's"),
])
def test_other_names_are_rejected_with_the_reason(id, why):
    found, rejected = labels([id])
    assert not found and len(rejected) == 1 and rejected[0][0] == id and why in rejected[0][2]
