"""CQ500 `reads.csv` (Chilamkurthy et al. 2018): three readers a scan, the majority decides, there as here."""

from preprocessing.forms import Row

READERS = ("R1", "R2", "R3")
FINDINGS = ("ICH", "IPH", "IVH", "SDH", "EDH", "SAH", "ChronicBleed", "Fracture", "MassEffect", "MidlineShift")
COLUMNS = ("name", *(f"{reader}:ICH" for reader in READERS))


def rows(table, masks=None):
    """Yields a Row a scan; the label is intracranial hemorrhage, the other findings' majorities are kept."""
    for line, given in table:
        wrong = next((given[f"{r}:ICH"] for r in READERS if given[f"{r}:ICH"] not in ("0", "1")), None)
        label = majority(given, "ICH") if wrong is None else wrong
        found = {name: majority(given, name) for name in FINDINGS[1:] if f"R1:{name}" in given}
        yield Row(line, given["name"], label, "", found)


def majority(given, finding):
    """"1" where at least two of the three readers see a finding, else "0"."""
    return str(int(sum(given.get(f"{reader}:{finding}") == "1" for reader in READERS) * 2 > len(READERS)))


def aliases(id):
    """Names under which the data set's archives and folders hold the scan `CQ500-CT-1`."""
    joined = id.replace("-", "")
    return joined, f"{joined} {joined}"
