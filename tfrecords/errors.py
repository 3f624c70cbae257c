"""What can be wrong with a folder of bags; every message is one line that says what to do."""


class DatasetError(ValueError):
    """A folder, table or bag is not what it should be."""


class CorruptRecordError(DatasetError):
    """A record's bytes are damaged; the message names the file, the record (from 0) and the bag."""
