import threading
from pathlib import Path

import pytest

from mil_tf import embedded
from mil_tf.data import ShardSource
from mil_tf.sources import source_of
from tfrecords import Dataset

TINY = {"n": 12, "size": 32, "seed": 0}
TINY_SLIDES = {
    "n": 12, "size": 128, "mpp": 8.0, "tile": 16, "cell": 8, "seed": 0, "unit": "slide", "test": 0.3, "validation": 0.2
}
TINY_SLICES = {**TINY, "unit": "slice", "test": 0.3, "validation": 0.2}
TINY_FIELDS = {
    "kind": "mechanisms", "n": 48, "size": (64, 80), "scale": 0.25, "seed": 0, "unit": "field", "test": 0.3,
    "validation": 0.2,
}
TINY_SETS = {
    "remedios2020": TINY, "nemcek2021": TINY_SLICES, "lerousseau2020": TINY_SLIDES, "kraus2016": TINY_FIELDS,
}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and phantoms small enough for a test."""
    monkeypatch.setenv(embedded.CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(embedded, "EMBEDDED", TINY_SETS)
    return tmp_path / "cache"


def test_made_once_with_splits_and_slice_truth(cache):
    told = []
    folder = embedded.embedded_dataset("remedios2020", show=told.append)
    dataset = Dataset(folder)
    assert len(dataset.rows) == TINY["n"] and dataset.folds == [0, 1, 2, 3, 4]
    assert dataset.splits(0)["train"] and dataset.splits(0)["test"]
    assert embedded.embedded_dataset("remedios2020", show=told.append) == folder
    assert [line.split(" ")[2] for line in told] == ["making", "the"]
    assert [path.name for path in cache.iterdir()] == [folder.name]


@pytest.mark.long
def test_slices_for_the_recipe_that_learns_from_them(cache):
    dataset = Dataset(embedded.embedded_dataset("nemcek2021", show=lambda line: None))
    splits = dataset.splits(0)
    assert dataset.folds == [0] and all(row.n == 1 for row in dataset.rows)
    patients = {name: {row.patient for row in splits[name]} for name in ("train", "validation", "test")}
    assert sum(map(len, patients.values())) == TINY["n"] == len(set.union(*patients.values()))
    assert all({row.label for row in splits[name]} == {(0,), (1,)} for name in patients)


@pytest.mark.long
def test_slides_stay_where_their_bags_say_they_are(cache):
    dataset = Dataset(embedded.embedded_dataset("lerousseau2020", show=lambda line: None))
    source = ShardSource(dataset, dataset.rows)
    for position in range(len(source)):
        bag = source.fields(position)
        path = Path(bag.source_path)
        assert path.exists() and path.parent.parent.parent == cache
        assert bag.meta["location"] in ("tubular", "airy", "fatty") and (dataset.folder / bag.meta["cells"]).exists()
        assert (bag.instance_label == 1).any() <= bag.label[0]
    assert source.instance_shape == (16, 16, 3)
    splits = dataset.splits(0)
    assert all(splits[name] for name in ("train", "validation", "test"))
    assert sorted(path.name.rsplit("-", 1)[0] for path in cache.iterdir()) == ["phantoms-slide", "slides"]


@pytest.mark.long
def test_fields_of_every_mechanism_are_split_by_wells(cache):
    dataset = Dataset(embedded.embedded_dataset("kraus2016", show=lambda line: None))
    splits = dataset.splits(0)
    assert dataset.folds == [0] and all(splits[name] for name in ("train", "validation", "test"))
    assert len(dataset.info["classes"]) == 12 and len(dataset.rows) == TINY_FIELDS["n"]
    source = source_of(dataset, dataset.rows)
    assert source.shape(0) == (64, 80, 3) and all(sum(row.label) == 1 for row in dataset.rows)
    assert sum(len(source.fields(i).points) for i in range(len(source))) > TINY_FIELDS["n"]


@pytest.mark.long
def test_slices_of_five_types_and_images_of_other_patients(cache, monkeypatch):
    tiny = {"n": 24, "size": 48, "seed": 2, "prevalence": 0.9}
    known = {"parida2021": {**tiny, "unit": "bleeds", "test": 0.3, "validation": 0.2}}
    images = {"parida2021": {**tiny, "n": 40, "seed": 3, "unit": "bleed-images"}}
    data, more = (Dataset(embedded.embedded_dataset("parida2021", lambda line: None, each)) for each in (known, images))
    splits, labels = data.splits(0), [row.label for row in more.splits(0)["train"]]
    assert all(any(any(row.label) for row in splits[name]) for name in ("train", "validation", "test"))
    learned = [row for row in splits["train"] if not any(row.label)]
    assert len({row.patient for row in learned}) == len(learned)  # one healthy slice a patient
    assert len({sum(column) for column in zip(*labels)}) == 1 and max(map(sum, labels)) == 1
    assert not {row.patient for row in data.rows} & {row.patient for row in more.rows}


def test_another_setting_or_generator_is_another_folder(cache):
    assert embedded.key(TINY) == embedded.key(dict(TINY))
    assert embedded.key(TINY) != embedded.key({**TINY, "seed": 1})


@pytest.mark.long
def test_two_at_once_leave_one_whole_folder(cache):
    found, errors = [], []

    def make():
        try:
            found.append(embedded.embedded_dataset("remedios2020", show=lambda line: None))
        except Exception as error:
            errors.append(error)

    makers = [threading.Thread(target=make) for _ in range(2)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert not errors and len(set(found)) == 1
    assert len(Dataset(found[0]).rows) == TINY["n"]
    assert [path.name for path in cache.iterdir()] == [found[0].name]


def test_nothing_is_left_where_making_fails(cache, monkeypatch):
    monkeypatch.setitem(embedded.EMBEDDED, "remedios2020", {**TINY, "size": -1})
    with pytest.raises(embedded.EmbeddedError, match="phantoms"):
        embedded.embedded_dataset("remedios2020", show=lambda line: None)
    assert list(cache.iterdir()) == []


def test_cache_that_cannot_be_written(cache, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(embedded.CACHE, str(tmp_path / "file"))
    with pytest.raises(embedded.EmbeddedError, match="set MIL_TF_CACHE to another folder") as caught:
        embedded.embedded_dataset("remedios2020", show=lambda line: None)
    assert "\n" not in str(caught.value)


def test_recipe_without_embedded_data(cache):
    with pytest.raises(embedded.EmbeddedError, match="another has no embedded data set; give --data DIR"):
        embedded.embedded_dataset("another")
