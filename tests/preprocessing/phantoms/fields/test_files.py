"""Files of a cohort: the tables name them, the masks and cells agree with each other."""

import numpy as np
import tifffile
from PIL import Image

from preprocessing.phantoms.fields import mechanisms, yeast
from preprocessing.phantoms.fields.files import TRUTH
from tests.preprocessing.phantoms.fields.made import SIZE, N, read_table

CHANNELS = {"mechanisms": mechanisms.CHANNELS, "localisation": yeast.CHANNELS}
CLASSES = {"mechanisms": mechanisms.CLASSES, "localisation": yeast.CLASSES}


def tables(folder):
    return {path.stem: read_table(path) for path in folder.glob("*.csv")}


def paths_of(row, kind):
    """Files of one row of images.csv, below the cohort's folder."""
    if kind == "localisation":
        return [row[f"path_{channel}"] for channel in CHANNELS[kind]]
    return [f"{row[f'Image_PathName_{c}']}/{row[f'Image_FileName_{c}']}" for c in CHANNELS[kind]]


def test_the_image_table_names_every_file(folders, kind):
    rows = read_table(folders[kind] / "images.csv")
    named = [path for row in rows for path in paths_of(row, kind)]
    there = [str(path.relative_to(folders[kind])) for path in (folders[kind] / "images").rglob("*.tif")]
    assert sorted(named) == sorted(there) and len(rows) == N
    for path in named:
        pixels = tifffile.imread(folders[kind] / path)
        assert pixels.shape == SIZE and pixels.dtype == np.uint16 and pixels.std() > 0


def test_the_screens_table_has_the_columns_of_bbbc021_and_its_ids(folders):
    found = tables(folders["mechanisms"])
    for row, truth in zip(found["images"], found["truth"]):
        plate, well = row["Image_Metadata_Plate_DAPI"], row["Image_Metadata_Well_DAPI"]
        site = row["Image_FileName_DAPI"].split("_")[1]
        assert truth["id"] == f"{plate}_{well}_{site}" and row["Image_PathName_Actin"] == f"images/{plate}"
        assert row["Replicate"] in "123"


def test_the_mechanism_table_gives_every_treatment_its_label(folders):
    found = tables(folders["mechanisms"])
    moa = {(row["compound"], row["concentration"]): row["moa"] for row in found["moa"]}
    for row, truth in zip(found["images"], found["truth"]):
        treatment = row["Image_Metadata_Compound"], row["Image_Metadata_Concentration"]
        assert moa[treatment] == truth["label"] and truth["treatment"] == " ".join(treatment)


def test_the_plain_table_has_labels_of_its_own(folders):
    found = tables(folders["localisation"])
    assert "moa" not in found
    for row, truth in zip(found["images"], found["truth"]):
        assert (row["id"], row["label"], row["treatment"]) == (truth["id"], truth["label"], truth["treatment"])
        assert row["id"].startswith(f"{row['plate']}_{row['well']}_s")
        assert set(row["label"].split(";")) <= set(CLASSES["localisation"])
    assert any(";" in row["label"] for row in found["images"])


def test_truth_counts_the_cells_of_the_table(folders, kind):
    found = tables(folders[kind])
    assert tuple(found["truth"][0]) == TRUTH
    for truth in found["truth"]:
        names = [row["label"] for row in found["cells"] if row["id"] == truth["id"]]
        labels = truth["label"].split(";")
        assert int(truth["cells"]) == len(names) > 0
        assert int(truth["outliers"]) == sum(name not in labels for name in names)
        shares = [names.count(label) / len(names) for label in labels]
        assert np.allclose([float(share) for share in truth["density"].split(";")], shares, atol=1e-4)
        assert min(shares) > 0
        assert (int(truth["height"]), int(truth["width"])) == SIZE


def test_masks_hold_the_class_of_the_cell_at_its_centre(folders, kind):
    found, agree = tables(folders[kind]), []
    for truth in found["truth"]:
        mask = np.asarray(Image.open(folders[kind] / "masks" / f"{truth['id']}.png"))
        assert mask.dtype == np.uint8 and mask.shape == SIZE
        assert abs((mask > 0).mean() - float(truth["covered"])) < 1e-4
        for row in (row for row in found["cells"] if row["id"] == truth["id"]):
            wanted = CLASSES[kind].index(row["label"]) + 1 if row["label"] else 255
            agree.append(mask[int(float(row["y"])), int(float(row["x"]))] == wanted)
    assert np.mean(agree) > 0.95
