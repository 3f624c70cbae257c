"""What is in a folder of bags: a few lines of numbers, and a sheet of one bag's instances."""

from pathlib import Path

import numpy as np

from tfrecords import reader
from tfrecords.dataset import SPLIT_NAMES, SPLITS, Dataset
from tfrecords.errors import DatasetError

COLUMNS = 8
MAX_TILES = 64  # a sheet that can still be read; longer bags are thinned evenly
WINDOW_LEVEL, WINDOW_WIDTH = 40.0, 80.0  # HU, the brain window radiologists read hemorrhage in
TILE_INCHES = 1.5
OUTLINE = "#ffb000"


def describe(folder):
    """Returns the lines that describe a folder of bags."""
    dataset = Dataset(folder)
    rows, info = dataset.rows, dataset.info
    pixels = info.get("instances", {})
    lines = [
        f"{dataset.folder}: schema {info['schema']}, {len(info['shards'])} shards, "
        f"{sum(shard['bytes'] for shard in info['shards']) / 2**20:.1f} MiB",
        f"bags        {len(rows)} of {len({row.patient for row in rows})} patients; "
        f"{info['counts'].get('rejected', 0)} inputs rejected",
        f"instances   {sum(row.n for row in rows)}, each {_format(pixels)}",
    ]
    if rows:
        quartiles = np.percentile([row.n for row in rows], [0, 25, 50, 75, 100])
        lines.append(
            "a bag       "
            + " / ".join(f"{value:g}" for value in quartiles)
            + " instances (minimum, quartiles, maximum)"
        )
    lines += _balance(rows, info.get("classes", []))
    return lines + _splits(dataset)


def pick(dataset, id=None):
    """The row of the bag to draw: the one asked for, else the first positive, else the first."""
    if id is None and dataset.rows:
        return next((row for row in dataset.rows if max(row.label) == 1), dataset.rows[0])
    if id not in dataset.by_id:
        raise DatasetError(
            f"{dataset.folder}: Expected a bag such as {next(iter(dataset.by_id), None)!r}. Received: {id!r}."
        )
    return dataset.by_id[id]


def montage(folder, row, out):
    """Writes a PNG of a bag's instances in the source's order, with the mask's outline; float16 is shown at
    L40 W80.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fields = reader.read_fields(folder, row)
    order = np.argsort(fields.source_index, kind="stable")
    shown = (
        order[np.unique(np.linspace(0, len(order) - 1, min(MAX_TILES, len(order))).round().astype(int))]
        if len(order)
        else order
    )
    images, mask = reader.take_instances(folder, row, shown), reader.read_mask(folder, row)
    lines = -(-len(shown) // COLUMNS)
    figure = Figure(figsize=(COLUMNS * TILE_INCHES, max(1, lines) * TILE_INCHES + 0.4), facecolor="black")
    FigureCanvasAgg(figure)
    figure.suptitle(_title(row, len(shown)), color="white", fontsize=9)
    grid = figure.subplots(max(1, lines), COLUMNS, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, image, place in zip(grid, images, shown):
        _tile(axes, image, None if mask is None else mask[place], fields, place)
    figure.subplots_adjust(0, 0, 1, 1 - 0.4 / figure.get_figheight(), 0.01, 0.01)
    figure.savefig(Path(out), dpi=100, facecolor="black")


def windowed(image):
    """An instance (h, w, c) as matplotlib shows it: HU at L40 W80 in 0..1, colours as they are."""
    if image.dtype == np.uint8:
        return image if image.shape[-1] == 3 else image[..., 0] / 255
    low = WINDOW_LEVEL - WINDOW_WIDTH / 2
    return np.clip((image[..., 0].astype(np.float32) - low) / WINDOW_WIDTH, 0, 1)


def _tile(axes, image, mask, fields, place):
    axes.imshow(windowed(image), cmap="gray", vmin=0, vmax=1)
    if mask is not None and mask.any():
        axes.contour(mask > 0, levels=[0.5], colors=OUTLINE, linewidths=0.6)
    truth = None if fields.instance_label is None else fields.instance_label[place]
    positive = truth is not None and truth.max() == 1
    text = f"{fields.source_index[place]}" + (" +" if positive else "")
    axes.text(
        0.03,
        0.97,
        text,
        color=OUTLINE if positive else "white",
        fontsize=7,
        va="top",
        transform=axes.transAxes,
    )


def _title(row, shown):
    thinned = f", {shown} shown" if shown < row.n else ""
    return f"{row.id}   label {' '.join(map(str, row.label))}   {row.n} instances{thinned}"


def _format(pixels):
    if not pixels.get("shape"):
        return "of its own shape, or read from its source"
    return f"{' x '.join(map(str, pixels['shape']))} {pixels['dtype']}"


def _balance(rows, classes):
    width = max((len(row.label) for row in rows), default=0)
    lines = []
    for index in range(width):
        values = [row.label[index] for row in rows if index < len(row.label)]
        name = classes[index] if index < len(classes) else f"class {index}"
        share = f"{100 * values.count(1) / len(values):.1f} %"
        unknown = f", {values.count(-1)} unknown" if -1 in values else ""
        lines.append(
            f"{name:<11} {values.count(1)} positive, {values.count(0)} negative{unknown} ({share} positive)"
        )
    return lines


def _splits(dataset):
    if not (dataset.folder / SPLITS).exists():
        return [f"splits      none ({SPLITS} is not written yet)"]
    lines = []
    for fold in dataset.folds:
        parts = dataset.splits(fold)
        counted = [f"{name} {_counted(parts[name])}" for name in SPLIT_NAMES if parts[name]]
        lines.append(f"fold {fold}      " + ", ".join(counted))
    placed = {row.id for fold in dataset.folds for part in dataset.splits(fold).values() for row in part}
    if len(placed) < len(dataset.rows):
        lines.append(f"{len(dataset.rows) - len(placed)} bags are in no split")
    return lines


def _counted(rows):
    positive = sum(max(row.label) == 1 for row in rows)
    return f"{positive} + {len(rows) - positive}"
