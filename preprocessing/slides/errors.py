"""What a slide's file is refused with."""

from preprocessing.errors import ScanError


class SlideError(ScanError):
    """A slide cannot be used; the message is the reason in one line, as it stands in `rejected.csv`."""
