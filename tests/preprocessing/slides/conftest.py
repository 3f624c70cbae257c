"""Small slides, good and bad."""

import numpy as np
import pytest


def picture(rows=200, columns=300, seed=0):
    """uint8 (rows, columns, 3) of noise, so that no two places are alike."""
    return np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), np.uint8)


@pytest.fixture(autouse=True)
def openslide():
    """The library, or no test at all."""
    return pytest.importorskip("openslide")


@pytest.fixture
def save(tmp_path):
    """save(name, pixels, mpp=0.5, levels=(), **more) -> path of a TIFF without loss; tiled unless `tile` is None. Levels are
    whole numbers of pixels that one of theirs is a mean of.
    """
    tifffile = pytest.importorskip("tifffile")
    pytest.importorskip("openslide")

    def write(name, pixels, mpp=0.5, levels=(), tile=(64, 64), **more):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        told = {} if mpp is None else {"resolution": (10000 / mpp, 10000 / mpp), "resolutionunit": "CENTIMETER"}
        options = {"tile": tile, "compression": "zlib", "metadata": None, **told, **more}
        with tifffile.TiffWriter(path) as file:
            file.write(pixels, **options)
            for times in levels:
                file.write(reduced(pixels, times), subfiletype=1, **options)
        return path

    return write


def reduced(pixels, times):
    """The means of boxes, rounded."""
    rows, columns = (side // times for side in pixels.shape[:2])
    boxes = pixels[: rows * times, : columns * times].reshape(rows, times, columns, times, -1)
    return ((boxes.sum((1, 3), dtype=np.uint32) + times**2 // 2) // times**2).astype(np.uint8)


def stained(rows=200, columns=300, seed=0, tissue=(0.2, 0.9, 0.1, 0.8)):
    """uint8 (rows, columns, 3): noisy glass, and a rectangle of pink and purple tissue.

    Args:
        tissue: where, as shares of the sides: top, bottom, left, right.
    """
    random = np.random.default_rng(seed)
    found = random.integers(238, 246, (rows, columns, 1)) + random.integers(-1, 2, (rows, columns, 3))
    spans = zip(tissue[::2], tissue[1::2], (rows, columns))
    inside = tuple(slice(int(start * side), int(stop * side)) for start, stop, side in spans)
    purple = random.random((rows, columns, 1)) < 0.3
    colour = np.where(purple, [120, 80, 160], [220, 130, 180]) + random.integers(-15, 16, (rows, columns, 3))
    found[inside] = colour[inside]
    return found.astype(np.uint8)
