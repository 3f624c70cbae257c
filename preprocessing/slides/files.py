"""Which slides, labels and masks there are, by the names of files and the rows of a table."""

from pathlib import Path

from preprocessing import labels as tables
from preprocessing.errors import UsageError
from preprocessing.ids import scan_id
from preprocessing.slides import tcga

# What OpenSlide 4 and tifffile read, by what files of their formats are called.
SUFFIXES = (
    ".ome.tiff", ".ome.tif", ".bif", ".czi", ".mrxs", ".ndpi", ".scn", ".svs", ".svslide", ".tif", ".tiff", ".vms",
    ".vmu",
)
SETS = (".vms", ".vmu")  # Hamamatsu: one file names others in its folder
MASK_SUFFIXES = (".png", ".tif", ".tiff")
TCGA = "tcga"  # as --labels
EXPECTED = "Expected a folder of slides (.svs, .tif, .ndpi, .mrxs, ...) or one of them."


def slide_id(name):
    """A slide's file name, or an id that someone wrote with its suffix, as an id."""
    return _without(name, SUFFIXES)


def find(slides, without=(), masks=None):
    """Finds all slides.

    Args:
        slides: a folder, searched with its subfolders, or one slide.
        without: files that are none, such as the label table.
        masks: a folder to leave out, or None.

    Returns:
        ({id: [paths]}, [(id, path, reason)] of files that are no slide by their name).

    Raises:
        UsageError: `slides` is missing, or nothing in it is a slide.
    """
    path = Path(slides)
    if not path.exists():
        raise UsageError(f"{EXPECTED} Received: {path}, which does not exist.")
    files = [each for each in (sorted(path.rglob("*")) if path.is_dir() else [path]) if each.is_file()]
    hidden = [Path(masks).resolve()] if masks else []
    files = [each for each in files if not _hidden(each, path) and not set(hidden) & set(each.resolve().parents)]
    found, rejected = {}, []
    known = {each for each in files if _is_slide(each)}
    parts = {each.with_suffix("") for each in known if each.suffix.lower() == ".mrxs"}
    parts |= {each.parent for each in known if each.suffix.lower() in SETS}
    given = {Path(each).resolve() for each in without}
    for each in files:
        if each in known:
            found.setdefault(slide_id(each.name), []).append(each)
        elif not parts & set(each.parents) and each.resolve() not in given:
            rejected.append((each.name, str(each), f"not a slide: {each.suffix or 'no suffix'} is of no slide format"))
    if not found:
        raise UsageError(f"{EXPECTED} Received: {path}, which has none.")
    return found, rejected


def find_masks(folder):
    """{id: [paths]} of all pictures under a folder. Raises UsageError where there are none."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and path.name.lower().endswith(MASK_SUFFIXES) and not path.name.startswith("."):
            found.setdefault(_without(path.name, (*SUFFIXES, *MASK_SUFFIXES)), []).append(path)
    if not found:
        raise UsageError(f"--masks: Expected a folder of .png or .tif masks. Received: {folder}, which has none.")
    return found


def read_labels(given, ids):
    """Returns ({id: `preprocessing.labels.Label`}, [(id, path, reason) of each that has none]).

    Args:
        given: the path of a table id,label[,patient], or TCGA for what the slides' names say.
        ids: of the slides.
    """
    if given == TCGA:
        return tcga.labels(ids)
    rows, rejected = tables.read_labels(given)
    found = {}
    for id, row in rows.items():
        found.setdefault(slide_id(id), []).append(row)
    twice = [id for id, same in found.items() if len(same) > 1]
    rejected = [(slide_id(id), path, reason) for id, path, reason in rejected]
    rejected += [(id, str(given), f"duplicate id: {len(found[id])} rows in the label table") for id in twice]
    return {id: same[0] for id, same in found.items() if len(same) == 1}, rejected


def _without(name, suffixes):
    """A name without the longest of the suffixes that it has, in letters of either case."""
    fitting = [suffix for suffix in suffixes if name.lower().endswith(suffix)]
    return name[: -len(max(fitting, key=len))] if fitting else scan_id(name)


def _is_slide(path):
    return path.name.lower().endswith(SUFFIXES)


def _hidden(path, folder):
    inside = path.relative_to(folder).parts if path != folder else ()
    return any(part.startswith(".") for part in inside)
