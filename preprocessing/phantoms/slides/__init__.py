"""Procedural slides of stained tissue with and without tumour, seeded and reproducible at any resolution."""
