"""Damaged gzip streams, zip archives, and what else lies in folders in place of scans."""

import functools
import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import nifti, series

TRUNCATED, FLIPPED = 24, 40
BOMB = 200 << 20  # bytes of zeros


class Case(NamedTuple):
    """A scan.

    Attributes:
        name: of the scan.
        write: (folder) -> None, makes what lies there.
        must: "right", "rejected" or "either".
    """

    name: str
    write: Callable
    must: str = "either"


def _file(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def gzip_cases():
    """The truth of all of them is that of a good file."""
    whole = gzip.compress(nifti.encoded(), mtime=0)
    random = np.random.default_rng(11)
    within = sorted({int(length) for length in random.integers(12, len(whole) - 8, TRUNCATED)})
    for length in (0, 1, 2, 9, 10, 11, *within, *range(len(whole) - 8, len(whole))):
        yield Case(f"cut-{length}", _file(f"cut-{length}.nii.gz", whole[:length]), "rejected")
    for number in range(FLIPPED):
        content = bytearray(whole)
        content[random.integers(0, len(whole))] ^= int(random.integers(1, 256))
        yield Case(f"flipped-{number}", _file(f"flipped-{number}.nii.gz", bytes(content)))
    for name, more, must in (
        ("byte", b"x", "rejected"), ("text", b"more than gzip" * 9, "rejected"), ("zeros", bytes(600), "right"),
        ("empty-member", gzip.compress(b""), "right"), ("itself", whole, "rejected"), ("start", whole[:40], "rejected"),
    ):
        yield Case(f"followed-by-{name}", _file(f"followed-by-{name}.nii.gz", whole + more), must)
    plain = nifti.encoded()
    halves = gzip.compress(plain[:500]) + gzip.compress(plain[500:])
    yield Case("two-members", _file("two-members.nii.gz", halves), "right")
    yield Case("twice-packed", _file("twice-packed.nii.gz", gzip.compress(whole)), "rejected")
    yield Case("plain-called-gz", _file("plain-called-gz.nii.gz", plain), "rejected")
    yield Case("gz-called-plain", _file("gz-called-plain.nii", whole), "rejected")
    yield Case("zip-called-gz", _file("zip-called-gz.nii.gz", zipped({"a.nii": plain})), "rejected")
    for length in (0, 4, 100, 347, 348, 352, 353, len(plain) - 2):
        yield Case(f"plain-cut-{length}", _file(f"plain-cut-{length}.nii", plain[:length]), "rejected")
    for length in (0, 100, 348, 352, 353):
        name = f"header-alone-{length}"
        yield Case(name, _file(f"{name}.nii.gz", gzip.compress(plain[:length])), "rejected")
    yield Case("bomb-behind", _file("bomb-behind.nii.gz", _followed_by_zeros(plain)), "rejected")
    flat = nifti.encoded(**{f"dim__{axis}": size for axis, size in ((1, 4000), (2, 4000), (3, 120))})
    yield Case("bomb-of-voxels", _file("bomb-of-voxels.nii.gz", _followed_by_zeros(flat[:352])), "rejected")


def _followed_by_zeros(content):
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", compresslevel=1, mtime=0) as stream:
        stream.write(content)
        _zeros(stream)
    return target.getvalue()


def _zeros(stream):
    for _ in range(BOMB >> 20):
        stream.write(bytes(1 << 20))


def odd_cases():
    """What is no file of a scan, under the name of one."""

    def folder_as_file(folder):
        (folder / "folder.nii").mkdir()

    def loop(folder):
        (folder / "loop.nii").symlink_to("loop.nii")
        (folder / "up").symlink_to("..", target_is_directory=True)

    def broken(folder):
        (folder / "broken.nii.gz").symlink_to("nothing")

    def pipe(folder):
        os.mkfifo(folder / "pipe.nii")

    def unreadable(folder):
        (folder / "unreadable.nii").symlink_to("/proc/self/mem")  # a regular file that not even root can read

    def pair(folder):
        content = nifti.encoded(magic=b"ni1", vox_offset=0)
        (folder / "pair.hdr").write_bytes(content[:348])
        (folder / "pair.img").write_bytes(content[352:])

    def linked(folder):
        (folder / "original").write_bytes(nifti.encoded())
        (folder / "linked.nii").symlink_to("original")

    yield Case("folder", folder_as_file, "rejected")
    yield Case("loop", loop, "rejected")
    yield Case("broken", broken, "rejected")
    yield Case("pipe", pipe, "rejected")
    yield Case("pair", pair, "rejected")
    yield Case("linked", linked, "right")
    yield Case("hidden", _file(".hidden.nii", nifti.encoded()), "rejected")
    yield Case("upper", _file("upper.NII", nifti.encoded()), "rejected")
    if Path("/proc/self/mem").exists():
        yield Case("unreadable", unreadable, "rejected")


def zipped(members, method=zipfile.ZIP_DEFLATED):
    """The bytes of an archive of {name: bytes}."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return target.getvalue()


def zip_cases():
    """Archives of a series; a case's files are made for its own study."""

    def case(name, change, must="either"):
        def write(folder, number):
            files = series.series(f"1.3.{number}.1", f"1.3.{number}")
            members = {f"{index:02}.dcm": series.as_bytes(one) for index, one in enumerate(files)}
            (folder / f"{name}.zip").write_bytes(change(members))

        return Case(name, write, must)

    def renamed(pattern):
        return lambda members: zipped({pattern.format(place): each for place, each in enumerate(members.values())})

    def patched(find, offset, value):
        """A byte of every record that begins with `find`."""

        def change(members):
            content = bytearray(zipped(members, zipfile.ZIP_STORED))
            at = content.find(find)
            while at >= 0:
                content[at + offset] ^= value
                at = content.find(find, at + 1)
            return bytes(content)

        return change

    yield case("zip-good", zipped, "right")
    for method in ("ZIP_STORED", "ZIP_BZIP2", "ZIP_LZMA"):
        packed = functools.partial(zipped, method=getattr(zipfile, method))
        yield case(f"zip-{method[4:].lower()}", packed, "right")
    for share in (0, 0.02, 0.3, 0.6, 0.9, 0.99, 0.999):
        yield case(f"zip-cut-{share}", functools.partial(_cut, share=share), "rejected")
    yield case("zip-followed", lambda members: zipped(members) + b"more" * 9)
    yield case("zip-preceded", lambda members: b"#!/bin/sh\n" * 9 + zipped(members), "right")
    yield case("zip-encrypted", patched(b"PK\1\2", 8, 1), "rejected")
    yield case("zip-encrypted-within", patched(b"PK\3\4", 6, 1))
    yield case("zip-odd-method", patched(b"PK\1\2", 10, 77), "rejected")
    yield case("zip-wrong-sum", patched(b"PK\1\2", 16, 1), "rejected")
    yield case("zip-wrong-size", patched(b"PK\1\2", 24, 1))
    yield case("zip-wrong-place", patched(b"PK\1\2", 42, 3), "rejected")
    yield case("zip-wrong-name", patched(b"PK\3\4", 30, 1), "rejected")
    yield case("zip-traversal", renamed("../../x{}.dcm"), "right")
    yield case("zip-absolute", renamed("/tmp/fuzz/x{}.dcm"), "right")
    yield case("zip-backslashes", renamed("C:\\scans\\{}.dcm"), "right")
    yield case("zip-deep", renamed("/".join("d" * 60) + "/{}"), "right")
    yield case("zip-long-names", renamed("n" * 400 + "{}"), "right")
    yield case("zip-odd-names", renamed("\u00e9\u4e2d\n{}.dcm"), "right")
    yield case("zip-doubled", _doubled, "right")
    yield case("zip-doubled-other", lambda members: _doubled(members, {name: b"no DICOM" for name in members}))
    yield case("zip-within", lambda members: zipped({"inner.zip": zipped(members)}), "rejected")
    yield case("zip-of-zips", _nested, "rejected")
    yield case("zip-of-nifti", lambda members: zipped({"scan.nii": nifti.encoded()}), "rejected")
    yield case("zip-empty", lambda members: zipped({}), "rejected")
    yield case("zip-of-text", lambda members: zipped({"readme.txt": b"nothing"}), "rejected")
    yield case("zip-bomb-of-zeros", lambda members: _bomb({}, b""), "rejected")
    yield case("zip-bomb-behind-pixels", lambda members: _bomb(members, members.popitem()[1]), "rejected")
    yield case("zip-bomb-in-a-tag", lambda members: _bomb({}, _swollen(members.popitem()[1])), "rejected")


def _bomb(members, start):
    """An archive of members and another one, whose start is followed by zeros."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
        with archive.open("bomb", "w") as stream:
            stream.write(start)
            _zeros(stream)
    return target.getvalue()


def _cut(members, share):
    whole = zipped(members)
    return whole[: int(share * len(whole))]


def _nested(members):
    return zipped({f"{name}.zip": zipped({name: content}) for name, content in members.items()})


def _doubled(members, others=None):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in [*(others or members).items(), *members.items()]:
            archive.writestr(zipfile.ZipInfo(name), content)
    return target.getvalue()


def _swollen(content):
    """The start of a file whose PatientID is as long as a bomb."""
    at = content.index(b"\x10\x00\x20\x00LO")
    return content[:at] + b"\x10\x00\x20\x00UT\0\0" + BOMB.to_bytes(4, "little")
