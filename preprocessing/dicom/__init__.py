"""DICOM files as hospitals export them -> series -> NIfTI volumes.

`headers` reads what is needed of a file's tags, `files` finds them in folders and zip archives, `studies` groups them
into `series` and chooses one of each study, `convert` makes a volume of it with dcm2niix.
"""
