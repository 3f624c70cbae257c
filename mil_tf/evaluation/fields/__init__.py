"""Evaluation of runs on fields: images of several classes, their treatments, and the cells in them (kraus2016, 4.4)."""
