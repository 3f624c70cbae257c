"""What a scan is called, by its file or by a table."""

SUFFIXES = (".nii.gz", ".nii")


def scan_id(name):
    """A file name, or an id that someone wrote with its suffix, as an id."""
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return name[: -len(suffix)]
    return name
