"""What an exported model predicts."""

from pathlib import Path

from mil_tf.prediction.model import read_facts
from mil_tf.sources import FIELDS


def kind_of(folder):
    """"slides", "fields" or "scans". Raises ModelError where the folder is no export."""
    facts = read_facts(Path(folder))
    if "tiles" in facts:
        return "slides"
    made = facts.get("preprocessing")
    return "fields" if isinstance(made, dict) and made.get("kind") == FIELDS else "scans"
