"""What a second table knows of the scans: their patients, which slices they hold, the patients' age and the like."""

import collections
from typing import NamedTuple

from preprocessing.errors import UsageError
from preprocessing.forms import ct_ich_people, slice_tags
from preprocessing.labels import form_of, read_columns, read_rows, read_table

FORMS = (slice_tags, ct_ich_people)


class Metadata(NamedTuple):
    """What a table says of the scans.

    Attributes:
        patients: {id: its patient}; as the table has it, which holds pseudonyms.
        slices: {id: [names of its slices]}, of scans that are named by their series or study.
        meta: {id: {what is known: value}}.
        bad: {id: why the table cannot be right about it}.
    """

    patients: dict
    slices: dict
    meta: dict
    bad: dict


def read(path, scans):
    """Returns the Metadata of a table.

    Args:
        path: a table of one of the FORMS.
        scans: {id: [names of its slices]}; a scan whose slices have no names may be named by its series or study.

    Raises:
        UsageError: the table cannot be read, or knows none of the scans.
    """
    form = form_of(path, FORMS)
    if form is ct_ich_people:
        found = Metadata({}, {}, {id: meta for id, meta in form.people(read_table(path)) if id in scans}, {})
    else:
        found = _of_slices(form.tags(read_columns(path), read_rows(path)), scans)
    if not any(found):
        raise UsageError(
            f"{path}: Expected rows of the scans, such as {next(iter(scans))!r}, or of their slices. Received: none."
        )
    return found


def labelled(labels, metadata):
    """The Labels with what the metadata adds; a patient that the label table names stays."""
    return {
        id: label._replace(
            patient=label.patient or metadata.patients.get(id, ""), meta={**metadata.meta.get(id, {}), **label.meta}
        )
        for id, label in labels.items()
    }


def _of_slices(tags, scans):
    owners = {name: id for id, names in scans.items() for name in names if name}
    slices, patients = collections.defaultdict(list), collections.defaultdict(set)
    for name, series, study, patient in tags:
        id = owners.get(name) or next((each for each in (series, study) if each in scans and not scans[each]), None)
        if id is None:
            continue
        if name not in owners:
            slices[id].append(name)
        if patient:
            patients[id].add(patient)
    bad = {id: f"its slices are of {len(some)} patients" for id, some in patients.items() if len(some) > 1}
    return Metadata({id: min(some) for id, some in patients.items()}, dict(slices), {}, bad)
