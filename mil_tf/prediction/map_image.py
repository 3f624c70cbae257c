"""A slide's map as images: a pyramidal OME-TIFF that lies on the slide, and the released form, a pixel a tile.

The OME-TIFF has one channel of float32, the probability, and 0 where there is no tissue. Float, so that a threshold in
QuPath parts it exactly as the polygons do, which 8 bits would round; 0 and not NaN, which viewers may stretch their
contrast over. A pixel is a position of the network, whose size in micrometres is told, and the first one's corner is
the slide's: two pixels are the same place where their physical coordinates are. (What a position of a ResNet-50 sees
has its middle half such a pixel nearer to the slide's corner than the pixel has; a map of tiles is less exact than that
anyway.)
"""

import os

import numpy as np
from scipy.special import expit

BLOCK = 256  # pixels a side of the TIFF's tiles, and of its smallest level at most; our decision
TISSUE = 255  # released form: blue of a tile of tissue


def write_ome(path, values, mpp):
    """Writes a map as pyramidal OME-TIFF, whole.

    Args:
        path: ends in .ome.tif.
        values: float32 (rows, columns).
        mpp: micrometres a pixel of it.
    """
    import tifffile

    levels = pyramid(values)
    about = {
        "axes": "YX", "PhysicalSizeX": mpp, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": mpp, "PhysicalSizeYUnit": "µm",
        "Channel": {"Name": "tumour probability"},
        "Plane": {"PositionX": 0.0, "PositionXUnit": "µm", "PositionY": 0.0, "PositionYUnit": "µm"},
    }
    how = {"tile": (BLOCK, BLOCK), "compression": "zlib", "photometric": "minisblack", "resolutionunit": "CENTIMETER"}
    part = path.with_name(f".part-{path.name}")
    with tifffile.TiffWriter(part, ome=True) as file:
        for number, level in enumerate(levels):
            size = 2 * (1e4 / (mpp * 2**number),)
            first = {"subifds": len(levels) - 1, "metadata": about} if number == 0 else {"subfiletype": 1}
            file.write(level, resolution=size, **first, **how)
    os.replace(part, path)


def pyramid(values):
    """The map, then means of 2 x 2 of each before until one fits a block; odd ends are repeated."""
    levels = [values]
    while max(levels[-1].shape) > BLOCK:
        even = np.pad(levels[-1], [(0, side % 2) for side in levels[-1].shape], mode="edge")
        rows, columns = (side // 2 for side in even.shape)
        levels.append(even.reshape(rows, 2, columns, 2).mean((1, 3), dtype=np.float32))
    return levels


def write_tiles(path, logits):
    """Writes a PNG of a pixel a tile: black without tissue, else blue 255 and red int(255 p), as the authors released.

    Args:
        logits: (R, C), NaN without tissue.
    """
    from PIL import Image

    part = path.with_name(f".part-{path.name}")
    Image.fromarray(tile_colours(logits)).save(part, format="PNG")
    os.replace(part, path)


def tile_colours(logits):
    """uint8 (R, C, 3) of `write_tiles`."""
    tissue, found = ~np.isnan(logits), np.zeros((*logits.shape, 3), np.uint8)
    found[tissue, 0] = (255 * expit(logits[tissue].astype(np.float64))).astype(np.uint8)
    found[tissue, 2] = TISSUE
    return found
