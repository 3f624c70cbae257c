"""What preprocessing refuses."""


class ScanError(ValueError):
    """One scan cannot become a bag; the message is the reason in one line, as it stands in `rejected.csv`."""


class UsageError(ValueError):
    """The command cannot start: a table or an argument is wrong; the message is one line that says what to
    do.
    """
