import pytest

from preprocessing import metadata
from preprocessing.errors import UsageError
from preprocessing.labels import Label

SCANS = {"a": ["s1", "s2"], "b": ["s3"], "1.2.3": [], "1.9": []}


@pytest.fixture
def read(tmp_path):
    """read(text, scans) -> the Metadata of a table."""

    def reading(text, scans=SCANS):
        path = tmp_path / "metadata.csv"
        path.write_text(text, encoding="utf-8-sig")
        return metadata.read(path, scans)

    return reading


@pytest.mark.parametrize("name", ["Image_ID", "SOPInstanceUID"])
def test_patients_come_by_the_slices(read, name):
    found = read(f"{name},PatientID\ns1,p\ns2,p\ns3,q\nx,r\n")
    assert found.patients == {"a": "p", "b": "q"} and not found.bad and not found.slices


def test_a_scan_of_two_patients_is_told(read):
    assert read("Image_ID,PatientID\ns1,p\ns2,q\n").bad == {"a": "its slices are of 2 patients"}


def test_volumes_named_by_their_series_or_study_get_its_slices(read):
    rows = "s7,1.2.3,1.2,p\ns8,1.2.3,1.2,p\ns9,1.9.1,1.9,q\ns1,1.9.1,1.9,r\n"
    found = read(f"SOPInstanceUID,SeriesInstanceUID,StudyInstanceUID,PatientID\n{rows}")
    assert found.slices == {"1.2.3": ["s7", "s8"], "1.9": ["s9"]}
    assert found.patients == {"1.2.3": "p", "1.9": "q", "a": "r"}


def test_what_is_known_of_ct_ichs_patients(read):
    header = '"Patient Number","Age\n(years)","Gender","Fracture (Yes/No)","Condition on file","Note"'
    found = read(f'{header}\n49,0.58,"Male",1,"Subdural ",\n50,58,"Female",,"Normal CT",\n', {"049": [], "051": []})
    assert found.meta == {"049": {"age_years": "0.58", "gender": "Male", "fracture": "1", "condition": "Subdural"}}


def test_a_label_keeps_what_its_own_table_says():
    known = metadata.Metadata({"a": "q", "b": "q"}, {}, {"a": {"age_years": "5", "site": "y"}}, {})
    labels = metadata.labelled({"a": Label(1, "p", {"site": "x"}), "b": Label(0, "", {})}, known)
    assert labels == {"a": (1, "p", {"age_years": "5", "site": "x"}), "b": (0, "q", {})}


@pytest.mark.parametrize("text", ["Image_ID,PatientID\nx,p\n", '"Patient Number","Age (years)","Gender"\n7,1,F\n'])
def test_a_table_of_other_scans_is_refused(read, text):
    with pytest.raises(UsageError, match="Expected rows of the scans, such as 'a', or of their slices. Received: none"):
        read(text)


def test_a_table_of_no_form_is_refused(read):
    with pytest.raises(UsageError, match="Received: 'Image_ID,age'"):
        read("Image_ID,age\ns1,5\n")
