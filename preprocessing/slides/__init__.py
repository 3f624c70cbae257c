"""Whole slides: one pixel grid whatever the scanner, where there is tissue, and bags of tiles."""
