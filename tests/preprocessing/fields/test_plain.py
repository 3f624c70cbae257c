"""Plain image tables: one label, several, or a column a class."""

import pytest

from preprocessing.errors import UsageError
from preprocessing.fields import plain
from preprocessing.fields.rows import number


def rows(text, channels=()):
    head, *lines = [line.split(",") for line in text.split("\n")]
    return list(plain.rows([(place + 2, dict(zip(head, line))) for place, line in enumerate(lines)], channels))


def test_labels_are_one_name_or_several_or_columns():
    assert [row.classes for row in rows("id,path,label\na,a.tif,Nucleus\nb,b.tif,Bud; Nucleus;;Bud")] == [("Nucleus",), ("Bud", "Nucleus")]
    found = rows("id,path,label_Bud,label_Nucleus\na,a.tif,1,0\nb,b.tif,1.0,1\nc,c.tif,0,0\nd,d.tif,,1")
    assert [row.classes for row in found] == [("Bud",), ("Bud", "Nucleus"), (), ()]
    assert [row.reason for row in found] == ["", "", "", "label_Bud must be 0 or 1, is '' (line 5)"]


def test_an_empty_label_is_no_class_that_is_known():
    assert [row.reason for row in rows("id,path,label\na,a.tif,\nb,b.tif, ;\n,c.tif,x\nd,,x")] == [
        "the label is empty (line 2)", "the label is empty (line 3)", "the id is empty (line 4)", "no path (line 5)",
    ]


def test_files_one_a_channel_in_the_wanted_order():
    (found,) = rows("id,path_GFP,path_RFP,label\na,g.tif,r.tif,x", ["RFP", "GFP"])
    assert found.files == ("r.tif", "g.tif") and plain.channels(["id", "path_GFP", "path_RFP"]) == ["GFP", "RFP"]
    assert plain.channels(["id", "path"]) == []


def test_the_patient_is_the_column_or_the_well_or_the_id():
    head = "id,path,label,patient,plate,well,replicate,compound,concentration,treatment\n"
    found = rows(head + "a,a.tif,x,p,P1,B02,1,taxol,0.30,\nb,b.tif,x,,P1,B02,2.0,,,mine\nc,c.tif,x,,P1,,,,,")
    assert [row.patient for row in found] == ["p", "P1_B02", "c"]
    assert found[0].meta == {"plate": "P1", "well": "B02", "replicate": "1", "compound": "taxol", "concentration": "0.3", "treatment": "taxol 0.3"}
    assert found[1].meta["treatment"] == "mine" and found[1].meta["replicate"] == "2" and found[2].meta == {"plate": "P1"}


@pytest.mark.parametrize("columns, message", [
    (["id", "label"], "Expected a column path, or one path_... for each channel"),
    (["id", "path", "path_a", "label"], "Expected a column path, or"), (["id", "path"], "Expected a column label, or one label_... for each class"),
    (["id", "path", "label", "label_a"], "Expected a column label, or"),
])
def test_a_table_has_files_and_labels_of_one_kind(columns, message):
    with pytest.raises(UsageError, match=message):
        plain.check("t.csv", columns)
    plain.check("t.csv", ["id", "path", "label"])


def test_numbers_are_told_shortly_and_names_stay():
    assert [number(text) for text in ("5.000000", "0.0015", "01", "1234567.5", "s1", "", "nan", "inf")] == [
        "5", "0.0015", "1", "1234567.5", "s1", "", "nan", "inf",
    ]
