"""Metrics with intervals, figures and the report of a run, from its tables alone.

Nothing here imports TensorFlow or knows how a table was made, so that any model's predictions can be scored.
"""
