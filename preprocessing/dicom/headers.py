"""The tags of a DICOM file that decide what its series is, and nothing that names a person."""

import hashlib
from typing import NamedTuple

TAGS = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "Modality", "ImageType",
    "ImagePositionPatient", "ImageOrientationPatient", "ConvolutionKernel", "Rows", "Columns", "PatientID",
    "PixelSpacing", "SamplesPerPixel", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "NumberOfFrames", "BitsAllocated", "RescaleSlope", "RescaleIntercept",
)
PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)  # the tags of pixels, as floats, doubles and integers
LONGEST = 64 << 20  # bytes of one tag's value; the sequences of a thousand frames take a few MB (our decision)
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"  # SOP classes of secondary captures begin so (DICOM PS3.4, B.5)
MAGIC, MAGIC_AT = b"DICM", 128
OLD_START = b"\x08\x00"  # group 0008, with which files from before the preamble begin


class Header(NamedTuple):
    """What is known of one file.

    Attributes:
        uid, series, study: SOPInstanceUID, SeriesInstanceUID and StudyInstanceUID; "" where missing.
        number: SeriesNumber, or None.
        patient: a hash of PatientID, "" where there is none.
        modality, sop_class, kernel: as they stand, "" where missing.
        kinds: values of ImageType, upper case.
        positions: ((x, y, z), ...) of the frames' first voxels in LPS+ mm; empty where missing.
        orientation: six direction cosines, or None.
        pixel: mm from row to row and from column to column, or None.
        shape: (rows, columns); (0, 0) where the file holds no image.
        colours, frames: SamplesPerPixel and NumberOfFrames; 1 where missing.
        bits: BitsAllocated, or None.
        rescale: (slope, intercept), or None where either is missing.
        pixel_bytes: the length of the pixels as it is told; 0 where there are none.
    """

    uid: str
    series: str
    study: str
    number: int | None
    patient: str
    modality: str
    sop_class: str
    kernel: str
    kinds: tuple
    positions: tuple
    orientation: tuple | None
    pixel: tuple | None
    shape: tuple
    colours: int
    frames: int
    bits: int | None
    rescale: tuple | None
    pixel_bytes: int


class TooLong(ValueError):
    """A value that no header has."""


class _Sparing:
    """A stream that refuses to read more at once than any header has: a damaged length, or a small archive of endless
    zeros, must not fill the memory.
    """

    def __init__(self, stream):
        self.seek, self.tell, self._read = stream.seek, stream.tell, stream.read

    def read(self, size=-1):
        if size is None or not 0 <= size <= LONGEST:
            raise TooLong
        return self._read(size)


class _Pixels:
    """Stops reading at the pixels, and keeps how long they are."""

    length = 0

    def __call__(self, tag, vr, length):
        if tag in PIXELS:
            self.length = length
        return tag in PIXELS


def is_dicom(stream):
    """Whether a stream, which stays at its start, holds DICOM."""
    start = stream.read(MAGIC_AT + len(MAGIC))
    stream.seek(0)
    return start[MAGIC_AT:] == MAGIC or start.startswith(OLD_START)


def read(stream):
    """The Header of an open DICOM file, or the reason in one line why there is none."""
    import pydicom

    try:
        with pydicom.config.disable_value_validation():
            wanted, pixels = [pydicom.tag.Tag(name) for name in (*TAGS, "SpecificCharacterSet")], _Pixels()
            tags = pydicom.filereader.read_partial(_Sparing(stream), pixels, force=True, specific_tags=wanted)
            return _header(tags, pixels.length)
    except TooLong:
        return "damaged or deflated DICOM: its header is too long"
    except RecursionError:
        return "damaged DICOM: its sequences never end"
    except Exception as error:  # whatever bytes can do to a parser: the file is told about, and the others go on
        return f"damaged DICOM: {type(error).__name__}"


def _header(tags, pixel_bytes):
    positions, orientation, pixel, rescale = _geometry(tags)
    return Header(
        uid=_text(tags, "SOPInstanceUID"), series=_text(tags, "SeriesInstanceUID"),
        study=_text(tags, "StudyInstanceUID"), number=_whole(tags, "SeriesNumber"),
        patient=_hashed(_text(tags, "PatientID")), modality=_text(tags, "Modality").upper(),
        sop_class=_text(tags, "SOPClassUID"), kernel=_text(tags, "ConvolutionKernel"),
        kinds=tuple(str(kind).upper() for kind in _many(tags.get("ImageType"))),
        positions=positions, orientation=orientation, pixel=pixel,
        shape=(_whole(tags, "Rows") or 0, _whole(tags, "Columns") or 0), colours=_whole(tags, "SamplesPerPixel") or 1,
        frames=_whole(tags, "NumberOfFrames") or 1, bits=_whole(tags, "BitsAllocated"), rescale=rescale,
        pixel_bytes=pixel_bytes,
    )


def _geometry(tags):
    """(positions of the frames, orientation, mm between pixels, slope and intercept): at the top of a classic file, in
    sequences of an enhanced one.
    """
    shared = _first(tags.get("SharedFunctionalGroupsSequence"))
    frames = tags.get("PerFrameFunctionalGroupsSequence") or [tags]
    places = (_numbers(_within(frame, "PlanePositionSequence", "ImagePositionPatient"), 3) for frame in frames)
    groups = [*frames, shared]
    values = ("RescaleSlope", "RescaleIntercept")
    rescale = [_one(groups, "PixelValueTransformationSequence", name, 1) for name in values]
    return (
        tuple(place for place in places if place),
        _one(groups, "PlaneOrientationSequence", "ImageOrientationPatient", 6),
        _one(groups, "PixelMeasuresSequence", "PixelSpacing", 2),
        None if None in rescale else sum(rescale, ()),
    )


def _one(groups, sequence, name, count):
    """The numbers of the first group that has them, or None."""
    found = (_numbers(_within(group, sequence, name), count) for group in groups)
    return next((numbers for numbers in found if numbers), None)


def _within(group, sequence, name):
    if group is None:
        return None
    inner = _first(group.get(sequence))
    return inner.get(name) if inner is not None else group.get(name)


def _first(sequence):
    return sequence[0] if sequence else None


def _numbers(value, count):
    try:
        found = tuple(float(each) for each in _many(value))
    except (TypeError, ValueError):
        return None
    return found if len(found) == count and all(abs(each) < 1e6 for each in found) else None


def _many(value):
    if value is None or value == "":
        return ()
    return (value,) if isinstance(value, (str, float, int)) else tuple(value)


def _text(tags, name):
    value = tags.get(name)
    return "" if value is None else str(value).strip()


def _whole(tags, name):
    try:
        return int(tags.get(name))
    except (TypeError, ValueError):
        return None


def _hashed(patient):
    """PatientID may be a name, so that only a hash of it leaves this file; equal ids stay equal."""
    return f"p{hashlib.sha256(patient.encode()).hexdigest()[:12]}" if patient else ""
