"""Image tables in the form of BBBC021 (kraus2016, section 4.1): a file a channel, and mechanisms in a table apart.

The public set has 55 plates of 60 wells (B02 to G11) with four sites each, 13,200 fields; 103 treatments of 12
mechanisms have 2,528 of them, and DMSO, the control, has more. A plate is called Week4_27481; files G10_s1_w1UUID.tif,
in some weeks with words before the well. Archives unpack to Week4_27481/, where the table says Week4/Week4_27481.
"""

import re

from preprocessing.errors import UsageError
from preprocessing.fields.rows import Row, known, number
from preprocessing.labels import read_table

FILE, FOLDER = "Image_FileName_", "Image_PathName_"
PLATE, WELL = "Image_Metadata_Plate_DAPI", "Image_Metadata_Well_DAPI"
COMPOUND, CONCENTRATION = "Image_Metadata_Compound", "Image_Metadata_Concentration"
COLUMNS = (PLATE, WELL, "Replicate", COMPOUND, CONCENTRATION)
MECHANISMS = ("compound", "concentration", "moa")
CONTROL = "DMSO"
SITE = re.compile(r"_s(\d+)_")
WEEK = re.compile(r"(Week\d+)_")


def channels(columns):
    """The names of the channels, in the table's order."""
    return [name.removeprefix(FILE) for name in columns if name.startswith(FILE)]


def rows(table, channels, mechanisms, controls=False):
    """Yields a Row for each of `preprocessing.labels.read_table`'s.

    Args:
        table: (line, {column: value}) of each row.
        channels: names, in the wanted order.
        mechanisms: as `read_mechanisms` returns; None where no classes are wanted.
        controls: whether those become fields too.
    """
    for line, row in table:
        meta = _meta(row, channels[0])
        patient = "_".join(name for name in (meta["plate"], meta["well"]) if name)
        reason = _problem(row, meta, channels)
        classes, left_out = ((), "") if reason or mechanisms is None else _classes(row, mechanisms, controls)
        yield Row(
            f"{patient}_s{meta['site']}" if meta["site"] else row[FILE + channels[0]],
            tuple("/".join(filter(None, (row.get(FOLDER + name), row[FILE + name]))) for name in channels),
            classes,
            patient,
            known(meta),
            f"{reason} (line {line})" if reason else left_out,
        )


def read_mechanisms(path):
    """{(compound, concentration): mechanism of action} of a table. Raises UsageError where it is none."""
    found = {}
    for line, row in read_table(path):
        if not set(MECHANISMS) <= set(row):
            raise UsageError(f"--moa: Expected columns {','.join(MECHANISMS)}. Received: {path} with {','.join(row)}.")
        key = row["compound"], _concentration(row["concentration"])
        if key[1] is None or not row["moa"]:
            raise UsageError(f"{path}, line {line}: Expected a concentration and a mechanism. Received: {row}.")
        if found.setdefault(key, row["moa"]) != row["moa"]:
            raise UsageError(f"{path}, line {line}: Expected one mechanism a treatment. Received: two of {key}.")
    if not found:
        raise UsageError(f"--moa: Expected mechanisms of action. Received: {path}, which has none.")
    return found


def _meta(row, channel):
    site, plate = SITE.search(row[FILE + channel]), row[PLATE]
    week = WEEK.match(plate)
    concentration = number(row[CONCENTRATION])
    return {
        "plate": plate, "well": row[WELL], "site": str(int(site[1])) if site else "",
        "replicate": number(row["Replicate"]), "batch": week[1] if week else "", "compound": row[COMPOUND],
        "concentration": concentration, "treatment": f"{row[COMPOUND]} {concentration}".strip(),
    }


def _problem(row, meta, channels):
    if not meta["plate"] or not meta["well"]:
        return "the plate or the well is empty"
    missing = [name for name in channels if not row[FILE + name]]
    if missing:
        return f"no file of channel {missing[0]}"
    if not meta["site"]:
        return f"the file's name tells no site, as _s1_ would: {row[FILE + channels[0]]!r}"
    if _concentration(row[CONCENTRATION]) is None:
        return f"concentration must be a number, is {row[CONCENTRATION]!r}"
    return ""


def _classes(row, mechanisms, controls):
    """(names of classes, why the field is left out or "")."""
    found = mechanisms.get((row[COMPOUND], _concentration(row[CONCENTRATION])))
    if CONTROL in (row[COMPOUND].upper(), found):
        return ((found or CONTROL,), "") if controls else ((), "excluded: a control, and --controls is not given")
    return ((found,), "") if found else ((), "excluded: its treatment has no known mechanism of action")


def _concentration(text):
    """As a number, that 1 and 1.000000 are the same; None where it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
