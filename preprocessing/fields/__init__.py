"""Microscopy fields and an image table -> bags, one bag with one multi-channel image a field."""
