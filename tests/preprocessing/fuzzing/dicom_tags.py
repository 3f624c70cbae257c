"""DICOM series whose tags are missing, odd or lie."""

import copy

import numpy as np

from .series import COLUMNS, CORNER, ROWS, STEP, Case, at, every, only, unchanged, without

REMOVED = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "Modality", "ImageType",
    "ImagePositionPatient", "ImageOrientationPatient", "ConvolutionKernel", "Rows", "Columns", "PatientID",
    "PixelSpacing", "SamplesPerPixel", "RescaleSlope", "RescaleIntercept", "BitsAllocated", "PixelRepresentation",
    "SliceThickness", "InstanceNumber", "PatientPosition", "BitsStored", "HighBit", "PhotometricInterpretation",
    "PixelData", "PatientName",
)
UNIMPORTANT = (
    "ConvolutionKernel", "PatientID", "SliceThickness", "PatientPosition", "BitsStored", "HighBit",
    "PhotometricInterpretation", "PatientName",
)
MIRRORED = [-1.0, 0, 0, 0, 1.0, 0]
TURN = np.cos(0.35), np.sin(0.35)


def missing():
    """Each tag: in no file, and where it counts, in all but one, or empty."""
    for name in REMOVED:
        yield Case(f"without-{name}", without(name), must="right" if name in UNIMPORTANT else "either")
    for name in (each for each in REMOVED if each not in UNIMPORTANT):
        yield Case(f"one-without-{name}", without(name, [2]), lost=(2,))
        yield Case(f"empty-{name}", every(**{name: b"" if name == "PixelData" else None}))


def sizes():
    """Tags of the matrix and the pixels."""
    for name, tags in {
        "rows-beyond": {"Rows": ROWS * 4}, "rows-huge": {"Rows": 65535, "Columns": 65535}, "rows-zero": {"Rows": 0},
        "rows-fewer": {"Rows": ROWS - 3}, "columns-fewer": {"Columns": COLUMNS - 4},
        "pixels-zero": {"PixelSpacing": [0, 0]},
        "pixels-negative": {"PixelSpacing": [-2.0, -1.5]}, "pixels-half-zero": {"PixelSpacing": [2.0, 0]},
        "pixels-tiny": {"PixelSpacing": [1e-7, 1e-7]}, "pixels-huge": {"PixelSpacing": [1e5, 1e5]},
        "pixels-one": {"PixelSpacing": [2.0]}, "pixels-three": {"PixelSpacing": [2.0, 1.5, 1.0]},
        "pixels-nan": {"PixelSpacing": ["nan", "nan"]}, "bits-8": {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7},
        "bits-32": {"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31},
        "bits-0": {"BitsAllocated": 0, "BitsStored": 0, "HighBit": 0}, "frames-2": {"NumberOfFrames": 2},
        "frames-huge": {"NumberOfFrames": 10**9}, "colours": {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3},
    }.items():
        yield Case(name, every(**tags), must="rejected")
    yield Case("rows-and-columns-swapped", every(Rows=COLUMNS, Columns=ROWS), says=True)
    yield Case("pixels-lie", every(PixelSpacing=[1.0, 3.0]), says=True)
    yield Case("rows-beyond-of-one", only(3, Rows=ROWS * 4), lost=(3,))
    yield Case("pixels-of-one", only(2, PixelSpacing=[4.0, 3.0]))
    yield Case("pixels-of-first", only(0, PixelSpacing=[4.0, 3.0]))
    yield Case("bits-8-of-one", only(2, BitsAllocated=8, BitsStored=8, HighBit=7))
    yield Case("frames-0", every(NumberOfFrames=0))


def directions():
    """Orientation, of all slices and of some."""
    for name, cosines in {
        "long": [2.0, 0, 0, 0, 2.0, 0], "short": [0.5, 0, 0, 0, 0.5, 0], "skewed": [1, 0, 0, 0.6, 0.8, 0],
        "zero": [0] * 6, "parallel": [1.0, 0, 0, 1, 0, 0], "five": [1, 0, 0, 0, 1], "nan": ["nan"] * 6,
        "coronal": [1.0, 0, 0, 0, 0, -1.0], "sagittal": [0, 1.0, 0, 0, 0, -1.0],
    }.items():
        yield Case(f"orientation-{name}", every(ImageOrientationPatient=cosines), must="rejected")
    for name, cosines in {
        "turned": [-1.0, 0, 0, 0, -1.0, 0], "mirrored": MIRRORED, "mirrored-rows": [1.0, 0, 0, 0, -1.0, 0],
        "quarter": [0, 1.0, 0, -1.0, 0, 0], "transposed": [0, 1.0, 0, 1.0, 0, 0],
        "in-plane-20": [TURN[0], TURN[1], 0, -TURN[1], TURN[0], 0],
    }.items():
        yield Case(f"orientation-{name}", every(ImageOrientationPatient=cosines), says=True, must="right")
    yield Case("orientation-of-one", only(2, ImageOrientationPatient=MIRRORED), lost=(2,))
    yield Case("orientation-of-one-nearly", only(2, ImageOrientationPatient=[0.99999, 0.004, 0, -0.004, 0.99999, 0]))
    half = every(ImageOrientationPatient=lambda index: MIRRORED if index % 2 == 0 else [1.0, 0, 0, 0, 1.0, 0])
    yield Case("orientation-of-half", half, says=True, lost=(1, 3, 5))
    for position in ("FFS", "HFP", "FFP", "HFDR", "", "XYZ"):
        yield Case(f"patient-{position or 'none'}", every(PatientPosition=position), must="right")


def places():
    """Positions of slices, and what else tells their order."""
    for name, heights, must in (
        ("equal", (0,) * 6, "rejected"), ("two-equal", (0, 5, 5, 15, 20, 25), "rejected"),
        ("last-equal", (0, 5, 10, 15, 20, 20), "rejected"), ("reversed", (25, 20, 15, 10, 5, 0), "right"),
        ("shuffled", (10, 25, 0, 20, 5, 15), "right"), ("far", (0, 5, 10, 15, 20, 2.5e5), "rejected"),
        ("beyond", (0, 5, 10, 15, 20, 1e9), "rejected"), ("uneven", (0, 2, 4, 6, 11, 16), "right"),
        ("uneven-twice", (0, 2, 7, 9, 14, 16), "either"), ("tiny", np.arange(6) * 0.02, "either"),
        ("wide", np.arange(6) * 100.0, "either"), ("as-one", np.arange(6) * 0.002, "rejected"),
    ):
        yield Case(f"places-{name}", at(*heights), says=True, must=must)
    for name, change in {
        "drift": lambda k: [CORNER[0] + 3.0 * k, CORNER[1], CORNER[2] + STEP * k],
        "one-beside": lambda k: [CORNER[0] + 20 * (k == 2), CORNER[1], CORNER[2] + STEP * k],
        "within-plane": lambda k: [CORNER[0] + 3.0 * k, CORNER[1], CORNER[2]],
    }.items():
        yield Case(f"places-{name}", every(ImagePositionPatient=change), says=True, must="rejected")
    yield Case("numbers-shuffled", every(InstanceNumber=lambda k: (3, 6, 1, 5, 2, 4)[k]), must="right")
    yield Case("numbers-equal", every(InstanceNumber=1))
    yield Case("numbers-negative", every(InstanceNumber=lambda k: -k))
    yield Case("numbers-huge", every(InstanceNumber=lambda k: 2**31 - 1 - k))
    yield Case("thickness-lies", every(SliceThickness=99, SpacingBetweenSlices=77), must="right")
    yield Case("thickness-0", every(SliceThickness=0, SpacingBetweenSlices=0), must="right")
    yield Case("spacing-negative", every(SpacingBetweenSlices=-5.0), must="right")
    yield Case("tilt-lies", every(GantryDetectorTilt=15), must="right")


def files():
    """Which files there are, and which series they say they are of."""
    for name, left_out, must in (
        ("middle", (2,), "right"), ("two", (2, 3), "either"), ("first", (0,), "right"), ("last", (5,), "right"),
        ("four", (0, 1, 2, 3), "rejected"), ("every-other", (1, 3, 5), "right"), ("ends", (1, 2, 3, 4), "rejected"),
    ):
        yield Case(f"missing-{name}", _without_files(left_out), says=True, must=must)
    yield Case("reversed", lambda files: files[::-1], must="right")
    yield Case("doubled", lambda files: files + files, must="right")
    yield Case("uids-equal", every(SOPInstanceUID="1.2.9"), must="rejected")
    yield Case("uids-two-equal", lambda files: only(3, SOPInstanceUID=files[2].SOPInstanceUID)(files), must="rejected")
    yield Case("series-mixed", _spread("SeriesInstanceUID", 2), lost=(1, 3, 5))
    yield Case("series-all-differ", _spread("SeriesInstanceUID", 6), must="rejected")
    yield Case("studies-all-differ", _spread("StudyInstanceUID", 6), must="rejected")
    yield Case("again-with-other-values", lambda files: files + _again(files, RescaleIntercept=-1000), must="rejected")
    yield Case("again-with-other-numbers", lambda files: files + _again(files, InstanceNumber=99), must="rejected")


def values():
    """How stored values become HU."""
    for name, tags in {
        "slope-zero": {"RescaleSlope": 0}, "slope-negative": {"RescaleSlope": -1}, "slope-huge": {"RescaleSlope": 1e9},
        "slope-nan": {"RescaleSlope": "nan"}, "intercept-nan": {"RescaleIntercept": "nan"},
        "intercept-huge": {"RescaleIntercept": 1e6},
    }.items():
        yield Case(name, every(**tags), must="rejected")
    for name, tags in {
        "slope-fraction": {"RescaleSlope": 0.25}, "intercept-zero": {"RescaleIntercept": 0},
        "intercepts-differ": {"RescaleIntercept": lambda k: -1024 - 50 * k},
        "slopes-differ": {"RescaleSlope": lambda k: 1 + k * 0.5},
    }.items():
        yield Case(name, every(**tags), says=True)
    yield Case("intercept-of-one", only(3, RescaleIntercept=0), says=True)
    for name in ("MONOCHROME1", "PALETTE COLOR", "XYZ"):
        yield Case(f"photometric-{name[:5]}", every(PhotometricInterpretation=name))
    yield Case("unsigned", every(PixelRepresentation=0), must="right")
    yield Case("sign-2", every(PixelRepresentation=2))
    yield Case("sign-of-one", only(2, PixelRepresentation=0))
    yield Case("bits-12", every(BitsStored=12, HighBit=11, PixelRepresentation=0), must="right")
    yield Case("bits-12-signed", every(BitsStored=12, HighBit=11))
    yield Case("bits-12-garbage", _garbage_bits)
    yield Case("bits-12-high", every(BitsStored=12, HighBit=15, PixelRepresentation=0))
    yield Case("bits-99", every(BitsStored=99, HighBit=98))
    for value in (-2000, -3024, -31744):
        yield Case(f"padding{value}", _padded(value), says=True, must="right")
    yield Case("padding-unsigned", _padded(-2000, PixelRepresentation=0), must="rejected")
    yield Case("padding-within", every(PixelPaddingValue=500))
    yield Case("smallest-lies", every(SmallestImagePixelValue=0, LargestImagePixelValue=1), must="right")


def others():
    """Tags that must not change a volume, and some that say that it is none."""
    yield Case("good", unchanged, must="right")
    for name, must in (("MR", "rejected"), ("", "right"), ("ct", "either"), ("CT\\MR", "rejected"), ("OT", "rejected")):
        yield Case(f"modality-{name.replace(chr(92), '-') or 'none'}", every(Modality=name), must=must)
    for maker in ("SIEMENS", "GE MEDICAL SYSTEMS", "Philips", "TOSHIBA", "Neusoft", "\u00e4\u00f6\u00fc"):
        yield Case(f"maker-{maker[:2]}", every(Manufacturer=maker), must="right")
    for name, tags in {
        "mpr": {"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, "name-binary": {"PatientName": "\x1b$B\x00\x07/..\\^=="},
        "mosaic": {"ImageType": ["ORIGINAL", "PRIMARY", "MOSAIC"], "Manufacturer": "SIEMENS"},
        "paths": {"SeriesDescription": "../../../../tmp/x", "ProtocolName": "%s%n%p", "PatientID": "../" * 20},
        "class-mr": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, "class-none": {"SOPClassUID": "9.9"},
        "acquisitions-differ": {"AcquisitionNumber": lambda k: k},
        "kernels-differ": {"ConvolutionKernel": lambda k: f"H{k}0s"},
        "times-differ": {"AcquisitionTime": lambda k: f"1200{k:02}", "ContentTime": lambda k: f"13{k:02}00"},
        "temporal": {"TemporalPositionIdentifier": lambda k: k % 2, "NumberOfTemporalPositions": 2},
        "echoes-differ": {"EchoNumbers": lambda k: k},
        "exposures-differ": {"Exposure": lambda k: k * 10, "KVP": lambda k: 100 + k},
    }.items():
        yield Case(name, every(**tags))


def cases():
    """All of them."""
    return [*missing(), *sizes(), *directions(), *places(), *files(), *values(), *others()]


def _without_files(indices):
    return lambda files: [one for index, one in enumerate(files) if index not in indices]


def _spread(name, count):
    """Gives the files `count` UIDs in place of one."""

    def change(files):
        for index, one in enumerate(files):
            setattr(one, name, f"{getattr(one, name)}.{index % count}")

    return change


def _again(files, **tags):
    """The same slices once more, under other names."""
    others = copy.deepcopy(files)
    for index, one in enumerate(others):
        one.SOPInstanceUID = f"7.7.{index}"
        for name, value in tags.items():
            setattr(one, name, value)
    return others


def _garbage_bits(files):
    every(BitsStored=12, HighBit=11, PixelRepresentation=0)(files)
    for one in files:
        one.PixelData = (np.frombuffer(one.PixelData, "<u2") | 0xA000).astype("<u2").tobytes()


def _padded(value, **tags):
    def change(files):
        every(**tags)(files)
        for one in files:
            stored = np.frombuffer(one.PixelData, "<i2").reshape(ROWS, COLUMNS).copy()
            stored[:, -2:] = value
            one.PixelData = stored.tobytes()
            one.add_new(0x00280120, "SS", value)

    return change
