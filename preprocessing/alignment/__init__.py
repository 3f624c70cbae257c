"""Rigid alignment of a head CT to a template (remedios2020, section 2.1: one "common orientation" for all).

`views` makes small isotropic volumes of scan and template, `rigid` finds the transform between them and judges it,
`grid` resamples the scan. Matrices are (4, 4) and act on columns; world is RAS+ mm.
"""
