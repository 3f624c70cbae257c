"""Labels that the names of TCGA's slides carry (lerousseau2020, section 3.2).

TCGA-3C-AALI-01A-01-TS1.uuid.svs: the case is TCGA-3C-AALI, 01 the sample's code, TS1 the slide. Codes below 10 are
tumour, 10 to 19 normal, and the others controls. TS, MS and BS are frozen sections, which the paper learns from, DX are
not.
"""

import re

from preprocessing.labels import Label

BARCODE = re.compile(r"^(TCGA-\w{2}-\w{4})-(\d{2})[A-Z]-\d{2}-((?:TS|MS|BS|DX)\w*)(?=\.|$)")
NORMAL, CONTROL = 10, 20  # the first codes of either; GDC's table of sample types, which the paper names


def labels(ids):
    """Returns ({id: Label}, [(id, path, reason)] of slides whose name gives none)."""
    found, rejected = {}, []
    for id in ids:
        match = BARCODE.match(id)
        if not match:
            rejected.append((id, "", "its name is no TCGA slide's, such as TCGA-3C-AALI-01A-01-TS1; use a label table"))
        elif int(match[2]) >= CONTROL:
            rejected.append((id, "", f"TCGA sample code {match[2]} is neither tumour (below 10) nor normal (10 to 19)"))
        else:
            section = "paraffin" if match[3].startswith("DX") else "frozen"
            found[id] = Label(int(int(match[2]) < NORMAL), match[1], {"sample": match[2], "section": section})
    return found, rejected
