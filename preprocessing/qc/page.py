"""One page of all scans of a data set, to look through and to choose what to leave out: its qc.html.

    python -m preprocessing qc --data bags

A row a scan: its picture as `preprocessing ct` made it, label, patient, slices and what else is known of it; flags
stand out, and what was rejected is there with the reason. The page opens without a network; it sorts, searches,
filters, and keeps marks, whose ids can be downloaded as a table.
"""

import argparse
import sys
from html import escape
from pathlib import Path
from urllib.parse import quote

from preprocessing import flow, units
from preprocessing.errors import UsageError
from preprocessing.product import picture
from preprocessing.qc import BRAIN, HEIGHT, LESION, PAGE, WIDTH, template
from tfrecords import Dataset, DatasetError
from tfrecords.writer import write_text

LABEL = 2  # the column of flow.COLUMNS that people filter by
WIDE = ("flags", "reason")  # columns of sentences, which stand last
IMAGE = (
    f'<a href="{{0}}"><img src="{{0}}" width="{WIDTH}" height="{HEIGHT}" loading="lazy" decoding="async" alt=""></a>'
)
BUTTON = '<button type="button">exclude</button>'


def main(args=None):
    """Runs the command; returns its exit code."""
    args = parser().parse_args(args)
    try:
        print(write(args.data))
    except (UsageError, DatasetError, OSError) as error:
        print(f"python -m preprocessing qc: {error}", file=sys.stderr)
        return 2
    return 0


def parser():
    """The command's arguments."""
    found = argparse.ArgumentParser(
        "python -m preprocessing qc", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("--data", required=True, metavar="DIR", help="folder of bags")
    return found


def write(folder, metas=None):
    """Writes the page of a finished data set and returns its path; `metas` as `page`, read where not given.

    Raises:
        DatasetError: the folder is none, or unfinished.
    """
    dataset = Dataset(folder)
    path = Path(folder) / PAGE
    write_text(path, page(dataset, flow.metas(dataset) if metas is None else metas))
    return path


def page(dataset, metas):
    """The page as text.

    Args:
        dataset: an open `tfrecords.Dataset`.
        metas: {id: meta of the bag}.
    """
    names, rows = flow.facts(dataset, metas)
    if units.of(dataset) == "slice":
        rows = _by_scan(rows)
    order = [place for place, name in enumerate(names) if name != "flags"]
    flags = names.index("flags") if "flags" in names else None
    columns = [*(names[place] for place in order), *WIDE]
    scans = [[*(row[place] for place in order), "" if flags is None else row[flags], ""] for row in rows]
    refused = [[id, *[""] * (len(columns) - 2), reason] for id, reason in flow.refused(dataset)]
    articles = [*(_scan(dataset.folder, columns, row) for row in scans), *(_refused(columns, row) for row in refused)]
    return template.PAGE.format(
        style=template.STYLE,
        script=template.SCRIPT,
        counts=f"{len(scans)} scans, {sum(row[-2] != '' for row in scans)} flagged; {len(refused)} rejected",
        settings=escape(_settings(dataset.info)),
        brain=_colour(BRAIN),
        lesion=_colour(LESION),
        labels="".join(f"<option>{escape(label)}</option>" for label in sorted({row[LABEL] for row in scans})),
        heads="".join(f'<button type="button" class="sort">{escape(name)}</button>' for name in columns),
        plan=escape(str(dataset.info.get("plan"))),
        rows="\n".join(articles),
    )


def _by_scan(rows):
    """Rows of single slices as rows of their scans, which are positive where one of their slices is."""
    scans = {}
    for id, *rest in rows:
        scans.setdefault(id.rpartition("/")[0], []).append(rest)
    return [
        [id, some[0][0], max(row[1] for row in some), sum(row[2] for row in some), *some[0][3:]]
        for id, some in scans.items()
    ]


def _scan(folder, columns, row):
    path = picture(row[0])
    image = IMAGE.format(quote(path)) if (folder / path).exists() else ""
    kind = ' class="flagged"' if row[-2] != "" else ""
    return f'<article{kind} data-label="{escape(row[LABEL])}">{image}{_told(columns, row, BUTTON)}</article>'


def _refused(columns, row):
    return f'<article class="rejected">{_told(columns, row, "", hide=True)}</article>'


def _told(columns, row, button, hide=False):
    """The id and a cell for each other column, at the same place in every row; empty ones may be hidden."""
    cells = (
        "<div hidden></div>" if value == "" and (hide or name in WIDE) else _cell(name, value)
        for name, value in zip(columns[1:], row[1:])
    )
    return f"<div><h2>{escape(row[0])}</h2>{button}<dl>{''.join(cells)}</dl></div>"


def _cell(name, value):
    kind = ' class="wide"' if name in WIDE else ""
    return f"<div{kind}><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"


def _settings(info):
    made = info.get("preprocessing", {}).get("settings", {})
    return ", ".join(f"{name} {value}" for name, value in made.items())


def _colour(rgb):
    return "rgb({}, {}, {})".format(*rgb)


if __name__ == "__main__":
    sys.exit(main())
