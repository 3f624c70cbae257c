"""Procedural fluorescence microscopy fields: cancer cells under twelve mechanisms of action, and yeast."""
