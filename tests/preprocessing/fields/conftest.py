"""Small fields: files of one channel or of several, and the tables that name them."""

import numpy as np
import pytest

tifffile = pytest.importorskip("tifffile")


def noise(*shape, seed=0, dtype=np.uint16):
    """Integers of the whole range, so that no two places are alike."""
    return np.random.default_rng([seed, *shape]).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


@pytest.fixture
def save(tmp_path):
    """save(name, pixels, **more of tifffile) -> path of a file below tmp_path/images; PNG by its suffix."""

    def write(name, pixels, **more):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".png":
            path.write_bytes(pytest.importorskip("imagecodecs").png_encode(pixels))
        else:
            tifffile.imwrite(path, pixels, **{"photometric": "minisblack", **more})
        return path

    return write


@pytest.fixture
def screen(save, tmp_path):
    """screen(rows, ends="\\n") writes tmp_path/images/table.csv in BBBC021's form, and its files of 12 x 16 pixels.

    Rows are (plate, well, replicate, compound, concentration), one a field, site 1 unless a sixth says another.
    """
    columns = [f"Image_{kind}_{name}" for name in ("DAPI", "Tubulin", "Actin") for kind in ("FileName", "PathName")]
    head = ["ImageNumber", *columns, "Image_Metadata_Plate_DAPI", "Image_Metadata_Well_DAPI", "Replicate",
            "Image_Metadata_Compound", "Image_Metadata_Concentration"]

    def write(rows, ends="\n", files=True):
        lines = [",".join(head)]
        for number, (plate, well, replicate, compound, concentration, *site) in enumerate(rows):
            names = [f"{well}_s{site[0] if site else 1}_w{place}{plate}.tif" for place in (1, 2, 4)]
            paths = [f"{name},{plate.split('_')[0]}/{plate}" for name in names]
            lines.append(",".join([str(number), *paths, plate, well, replicate, compound, concentration]))
            for channel, name in enumerate(names if files else ()):
                save(f"{plate}/{name}", noise(12, 16, seed=10 * number + channel))
        path = tmp_path / "images" / "table.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((ends.join(lines) + ends).encode())
        return path

    return write
