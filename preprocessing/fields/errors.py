"""What a field's files are refused with."""

from preprocessing.errors import ScanError


class FieldError(ScanError):
    """A field cannot be used; the message is the reason in one line, as it stands in `rejected.csv`."""
