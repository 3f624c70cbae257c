"""Files of the outside world -> bags: CT volumes, label tables, splits, phantoms. Knows no model."""
