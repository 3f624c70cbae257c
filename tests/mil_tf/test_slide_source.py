"""Tiles read from slides and from shards: the same pixels, through one interface."""

import concurrent.futures
import gc

import numpy as np
import pytest

from mil_tf import data
from mil_tf.slide_source import SlideSource
from preprocessing.__main__ import main
from tests.preprocessing.slides.conftest import save, stained  # noqa: F401
from tfrecords import Dataset

TILE = 32


@pytest.fixture
def made(save, tmp_path):  # noqa: F811
    """made(*more, mpp=0.5) -> a Dataset of the slides a, b and c."""

    def run(*more, out="out", mpp=0.5):
        for seed, id in enumerate("abc"):
            save(f"slides/{id}.tif", stained(400, 300, seed), mpp)
        (tmp_path / "labels.csv").write_text("id,label\na,1\nb,0\nc,1\n")
        given = ["--slides", tmp_path / "slides", "--labels", tmp_path / "labels.csv", "--out", tmp_path / out]
        options = ["--tile", TILE, "--cell", 16, "--tissue", "released", "--no-qc", "--jobs", 1]
        assert main([str(part) for part in ("slides", *given, *options, *more)]) == 0
        return Dataset(tmp_path / out)

    return run


def sources(made, **given):
    """The same slides as tiles of the slides and as tiles of the shards."""
    found = made(**given), made("--materialise", out="copied", **given)
    return [SlideSource(dataset, dataset.rows) for dataset in found]


@pytest.mark.parametrize("mpp", [0.5, 0.25, 0.35])
def test_both_kinds_of_bags_give_the_same_pixels(made, mpp):
    slides, shards = sources(made, mpp=mpp)
    assert slides.instance_shape == shards.instance_shape == (TILE, TILE, 3)
    assert slides.dtype == shards.dtype == np.uint8
    for position in range(3):
        one, other = (np.concatenate(list(source.blocks(position, 5))) for source in (slides, shards))
        np.testing.assert_array_equal(one, other)
        assert len(one) == slides.counts[position] > 10 and len(np.unique(one)) > 50
        picked = [7, 0, 7, len(one) - 1]
        np.testing.assert_array_equal(slides.take(position, picked), one[picked])
        np.testing.assert_array_equal(shards.take(position, picked), one[picked])
        np.testing.assert_array_equal(slides.source_index(position), shards.source_index(position))


def test_it_is_a_source_as_any_other(made):
    dataset = made()
    source, shards = SlideSource(dataset, dataset.rows), data.ShardSource(dataset, dataset.rows)
    assert len(source) == 3 and source.ids == shards.ids and source.patients == shards.patients
    np.testing.assert_array_equal(source.labels, [[1], [0], [1]])
    source.ready([0, 1])
    assert source.mask(0) is None and source.fields(1).id == "b"
    blocks = list(source.blocks(0, 8))
    assert [len(block) for block in blocks[:-1]] == [8] * (len(blocks) - 1) and 0 < len(blocks[-1]) <= 8
    chosen = source.subset([2, 0])
    assert isinstance(chosen, SlideSource) and chosen.ids == ["c", "a"]
    np.testing.assert_array_equal(chosen.take(1, [3]), source.take(0, [3]))
    read = sum(len(chunk.places) for chunk in data.chunks(source, [0, 1, 2], 16))
    assert read == source.counts.sum()


def test_threads_may_read_slides_that_others_let_go_of(made, monkeypatch):
    monkeypatch.setattr("mil_tf.slide_source.SLIDES_KEPT", 1)
    dataset = made()
    source = SlideSource(dataset, dataset.rows)
    wanted = [source.take(position, [0, 5, 9]) for position in range(3)]
    with concurrent.futures.ThreadPoolExecutor(4) as crew:
        found = list(crew.map(lambda turn: source.take(turn % 3, [0, 5, 9]), range(60)))
    for turn, tiles in enumerate(found):
        np.testing.assert_array_equal(tiles, wanted[turn % 3])


def test_few_slides_stay_open(made, monkeypatch):
    from preprocessing.slides.openslide_file import Levels

    def count():
        gc.collect()
        return sum(isinstance(each, Levels) for each in gc.get_objects())

    monkeypatch.setattr("mil_tf.slide_source.SLIDES_KEPT", 2)
    dataset = made()
    before, source = count(), SlideSource(dataset, dataset.rows)
    for position in (0, 1, 2, 1, 0):
        source.take(position, [0])
    assert count() - before == 2


@pytest.mark.parametrize("change, why", [
    (lambda path: path.unlink(), "none there"), (lambda path: path.write_bytes(b"II*\0 other"), "10 bytes"),
])
def test_a_slide_that_is_gone_or_another_is_told_of_by_its_name(made, tmp_path, change, why):
    dataset = made()
    path = tmp_path / "slides/b.tif"
    change(path)
    source = SlideSource(dataset, dataset.rows)
    with pytest.raises(ValueError, match=rf"bag b: Expected its slide of \d+ bytes at .*b.tif. Received: {why}"):
        source.take(1, [0])
    assert len(source.take(0, [0])) == 1


def test_a_slide_that_is_damaged_is_told_of_by_its_name(made, tmp_path):
    dataset = made()
    path = tmp_path / "slides/b.tif"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 4] + bytes(len(whole) - len(whole) // 4))
    source = SlideSource(dataset, dataset.rows)
    with pytest.raises(ValueError, match="^bag b, .*b.tif: damaged"):
        collected = list(source.blocks(1, 100))
        assert not collected
