"""Scan in, answer out: the rooms of `python -m mil_tf.predict`."""
