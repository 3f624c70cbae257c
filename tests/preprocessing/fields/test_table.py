"""Image tables with their files, cells and masks; and tables that someone has spoiled."""

import argparse

import numpy as np
import pytest

from preprocessing.errors import UsageError
from preprocessing.fields import table
from tests.preprocessing.fields.conftest import noise

MOA = "compound,concentration,moa\ntaxol,0.3,Stabilizers\nPP-2,3,Epithelial\n"


@pytest.fixture
def read(tmp_path):
    """read(**options) -> Found in tmp_path/images/table.csv."""

    def of(**given):
        names = ("moa", "controls", "root", "channels", "cells", "masks")
        return table.read(argparse.Namespace(images=tmp_path / "images/table.csv", **{name: given.get(name) for name in names}))

    return of


def test_masks_are_called_as_their_fields_or_as_their_pictures(save, read, tmp_path):
    save("a.tif", noise(4, 5))
    (tmp_path / "images/table.csv").write_text("id,path,label\na,a.tif,x\nP/b,a.tif,x\nc,a.tif,x\n")
    from preprocessing.product import file_name

    (tmp_path / "masks/sub").mkdir(parents=True)
    for name in ("a.png", f"{file_name('P/b')}.png", "c.png", "sub/c.tif"):
        (tmp_path / "masks" / name).write_bytes(b"")
    found = read(masks=tmp_path / "masks")
    assert {field.id: field.mask.rpartition("/")[2][:3] for field in found.fields} == {"a": "a.p", "P/b": "P_b"}
    assert [(id, reason) for id, _, reason in found.rejected] == [("c", "duplicate id: several masks have it")]


def test_fields_are_in_order_of_id_and_labels_in_order_of_name(save, read, tmp_path):
    save("a.tif", noise(4, 5))
    (tmp_path / "images/table.csv").write_text("id,path,label\nb,a.tif,y\na,a.tif,x;y\n")
    found = read()
    assert [(field.id, field.label) for field in found.fields] == [("a", (1, 1)), ("b", (0, 1))] and found.classes == ["x", "y"]
    assert found.fields[0].path == str(tmp_path / "images/a.tif")


@pytest.mark.parametrize("kind", ["plain", "screen"])
def test_a_spoiled_table_is_a_reason_a_line_or_the_fields(save, screen, read, tmp_path, kind):
    """Whatever happens to a table's bytes: a UsageError of one line, or rows that are fields or have a reason."""
    if kind == "screen":
        path, given = screen([("Week1_1", "B02", "1", "taxol", "0.3"), ("Week1_2", "B03", "1", "PP-2", "3")]), {"moa": tmp_path / "moa.csv"}
        given["moa"].write_text(MOA)
    else:
        save("a.tif", noise(4, 5))
        path, given = tmp_path / "images/table.csv", {}
        path.write_text("id,path,label,plate,well,replicate\na,a.tif,x;y,P,B02,1\nb,a.tif,x,P,B03,2\n")
    whole, random, outcomes = path.read_bytes(), np.random.default_rng(0), set()
    for number in range(150):
        data = bytearray(whole)
        for _ in range(1 + number % 3):
            place, change = random.integers(len(data)), random.integers(4)
            if change == 0:
                del data[place : place + random.integers(1, 9)]
            else:
                data[place : place + (change == 1)] = bytes([random.choice(list(b',;"\r\n\0\xff/\\x0'))])
        path.write_bytes(data)
        try:
            found = read(**given)
            assert found.fields and all("\n" not in reason for _, _, reason in found.rejected)
            assert len({field.id for field in found.fields}) == len(found.fields) and all(field.patient for field in found.fields)
            outcomes.add("fields")
        except UsageError as error:
            assert "\n" not in str(error) and "Expected" in str(error), str(error)
            outcomes.add("refused")
    assert outcomes == {"fields", "refused"}
