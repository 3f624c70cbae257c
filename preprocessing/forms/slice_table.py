"""`id,source_index,label`: this project's own form of slice labels."""

COLUMNS = ("id", "source_index", "label")


def slices(table):
    """Yields (line, id, source index, label) of every slice, the last two as strings."""
    for line, given in table:
        yield line, given["id"], given["source_index"], given["label"]
