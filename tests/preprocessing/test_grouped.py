"""Splits of fields: wells, plates and replicates are whole, and each class has its share."""

import argparse
import collections

import numpy as np
import pytest

from preprocessing import grouped
from preprocessing.__main__ import main
from preprocessing.errors import UsageError
from preprocessing.grouped import NAMES, Image, draw, hold_out
from tfrecords import Dataset
from tfrecords.verify import findings


def screen(treatments=2, classes=12, replicates=3, sites=4, plates=4):
    """A screen like BBBC021's: each treatment in three wells, of which each lies on a plate of its replicate."""
    return [
        Image(f"P{replicate}{number % plates}_W{number}_s{site}", f"P{replicate}{number % plates}_W{number}", (f"moa{number % classes:02d}",),
              {"plate": f"P{replicate}{number % plates}", "replicate": str(replicate), "treatment": f"t{number}"})
        for number in range(treatments * classes) for replicate in range(1, replicates + 1) for site in range(sites)
    ]


def multi(count, seed=0):
    """Images of one to three of five classes, of which the first is rare, in wells of one to four sites."""
    random = np.random.default_rng(seed)
    names, shares = np.array(list("vwxyz")), (0.05, 0.2, 0.4, 0.5, 0.8)
    found = []
    for well in range(count):
        classes = tuple(names[random.random(5) < shares].tolist())
        found += [Image(f"{well}_{site}", f"w{well}", classes, {"plate": f"p{well % 7}"}) for site in range(random.integers(1, 5))]
    return found


def parts(images, split):
    """{split: [Image]}"""
    found = collections.defaultdict(list)
    for image in images:
        found[NAMES[split.place[image.id]]].append(image)
    return found


def counts(images):
    return collections.Counter(each for image in images for each in image.classes)


def whole(images, split, key):
    """Whether each group of images is in one split."""
    places = {(key(image), split.place[image.id]) for image in images}
    return len(places) == len({name for name, _ in places})


def test_the_papers_sample_of_15_percent_has_every_class():
    images = screen(treatments=9)  # 108 treatments, 1296 images
    found = parts(images, draw(images, test_fraction=0.85))
    trained, tested = len(found["train"]) + len(found["validation"]), len(found["test"])
    assert abs(trained / len(images) - 0.15) < 0.02 and trained + tested == len(images)
    for name, share in (("train", 0.12), ("validation", 0.03), ("test", 0.85)):
        for number in counts(found[name]).values():
            assert abs(number - share * 108) <= 4  # images of one well
        assert len(counts(found[name])) == 12


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("images, by, key", [
    (screen(), "well", lambda image: image.patient), (screen(), "plate", lambda image: image.meta["plate"]),
    (multi(200), "well", lambda image: image.patient), (multi(200), "plate", lambda image: image.meta["plate"]),
])
def test_groups_are_whole_and_every_image_is_placed_once(images, by, key, seed):
    split = draw(images, by, 0.3, 0.25, seed)
    assert split.place.keys() == {image.id for image in images} and split.left_out == [] and split.folds == 1
    assert whole(images, split, key) and whole(images, split, lambda image: image.patient)
    assert set(parts(images, split)) == {"train", "validation", "test"}


@pytest.mark.parametrize("seed", range(5))
def test_classes_that_go_together_have_their_shares_too(seed):
    images = multi(300, seed)
    found, total = parts(images, draw(images, "well", 0.3, 0.25, seed)), counts(images)
    for name, share in (("train", 0.525), ("validation", 0.175), ("test", 0.3)):
        got = counts(found[name])
        assert abs(len(found[name]) / len(images) - share) < 0.03
        assert all(abs(got[each] - share * total[each]) < 4 + 0.05 * total[each] for each in total), (name, got, total)


def test_a_rare_class_is_in_every_part_as_far_as_it_can():
    images = screen(classes=2) + [Image(f"r{k}", f"rare{k}", ("rare",), {}) for k in range(3)]
    assert all(counts(part)["rare"] == 1 for part in parts(images, draw(images, test_fraction=0.05)).values())
    found = parts(images[:-1], draw(images[:-1], test_fraction=0.05))
    assert [counts(found[name])["rare"] for name in ("train", "test", "validation")] == [1, 1, 0]
    found = parts(images[:-2], draw(images[:-2], test_fraction=0.9))
    assert [counts(found[name])["rare"] for name in ("train", "test", "validation")] == [1, 0, 0]
    lines = grouped.summary(images[:-2], draw(images[:-2], test_fraction=0.9))
    assert lines[-2:] == ["No image of rare is in validation.", "No image of rare is in test."]


def test_images_of_no_class_are_dealt_too():
    images = screen() + [Image(f"n{k}", f"none{k}", (), {}) for k in range(20)]
    found = parts(images, draw(images, test_fraction=0.5, validation_fraction=0.5))
    assert sorted(sum(not image.classes for image in part) for part in found.values()) == [5, 5, 10]


def test_the_order_of_images_does_not_matter_and_the_seed_does():
    images = multi(60)
    first = draw(images, seed=3).place
    assert draw(images[::-1], seed=3).place == first != draw(images, seed=4).place
    assert draw(images, test_fraction=0).place.keys() == first.keys() and "test" not in draw(images, test_fraction=0).place.values()


@pytest.mark.parametrize("held", [{"3"}, {"1", "3"}])
def test_held_out_replicates_are_test_and_nothing_else_is(held):
    images = screen()
    found = parts(images, hold_out(images, held))
    assert {image.meta["replicate"] for image in found["test"]} == held
    assert not {image.meta["replicate"] for name in ("train", "validation") for image in found[name]} & held
    assert len(found["test"]) == len(images) * len(held) // 3 and len(counts(found["train"])) == len(counts(found["validation"])) == 12
    assert whole(images, hold_out(images, held), lambda image: image.patient)


def test_what_cannot_be_split_is_refused():
    images = screen()
    cut = [images[0]._replace(meta={**images[0].meta, "replicate": "3", "plate": "other"}), *images[1:]]
    for call, message in [
        (lambda: hold_out(images, {"4"}), "--hold-out: Expected some of 1, 2, 3. Received: 4"), (lambda: hold_out(images, {"1", "2", "3"}), "Received: all of them"),
        (lambda: hold_out(cut, {"3"}), "Expected wells of one group. Received: 'P10_W0', in '3' and '1'"), (lambda: draw(cut, "plate"), "Expected wells of one group"),
        (lambda: draw([image._replace(meta={}) for image in images], "plate"), "--by plate: Expected images whose plate is known"),
        (lambda: draw(images, test_fraction=1.0), "Expected a fraction in"), (lambda: draw(images, test_fraction=-0.1), "Expected a fraction in"),
        (lambda: draw(images, validation_fraction=0), "Expected a validation fraction"), (lambda: draw(images[:4]), "some for validation. Received: 4, of which whole groups leave none"), (lambda: draw([]), "some for validation. Received: 0"),
        (lambda: draw(images[:8]), "Expected images of each class for training, and some for validation"),
        (lambda: hold_out([*images, Image("x", "x", ("late",), {"replicate": "3"})], {"3"}), "Expected images of every class in training. Received: none of 'late'"),
    ]:
        with pytest.raises(UsageError, match=message):
            call()


def test_thousands_of_wells_take_no_time():
    import time

    images = screen(treatments=100)
    begun = time.process_time()
    draw(images)
    assert time.process_time() - begun < 5


def asked(**given):
    names = ("by", "hold_out", "test_fraction", "train_fraction", "validation_fraction")
    return argparse.Namespace(**{name: given.get(name) for name in names}, seed=0)


def test_arguments_of_the_command():
    images = screen(treatments=5)
    assert grouped.drawn(images, asked(train_fraction=0.15)).place == draw(images, test_fraction=0.85).place
    assert grouped.drawn(images, asked()).place == draw(images).place
    assert grouped.drawn(images, asked(by="plate", validation_fraction=0.3)).place == draw(images, "plate", validation_fraction=0.3).place
    assert grouped.drawn(images, asked(by="replicate", hold_out=["2"])).place == hold_out(images, {"2"}).place
    for given, message in [
        ({"by": "replicate"}, "--by replicate and --hold-out together"), ({"hold_out": ["1"]}, "--by replicate and --hold-out together"),
        ({"by": "replicate", "hold_out": ["1"], "test_fraction": 0.2}, "Expected no fraction of test"),
        ({"train_fraction": 0.2, "test_fraction": 0.2}, "Expected --test-fraction or --train-fraction"),
    ]:
        with pytest.raises(UsageError, match=message):
            grouped.drawn(images, asked(**given))


@pytest.fixture
def folder(make_bag, write_dataset):
    images = screen(classes=3)
    bags = [make_bag(image.id, 1, label=[int(image.classes == (f"moa{k:02d}",)) for k in range(3)], patient=image.patient, meta=image.meta) for image in images]
    return write_dataset(bags, info={"classes": ["moa00", "moa01", "moa02"], "preprocessing": {"kind": "fields", "unit": "field"}})


def test_a_data_set_of_fields_gets_its_split(folder, tmp_path, capsys):
    assert main(["split", "--data", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["class", "train", "validation", "test", "images", "(wells)"]
    assert lines[1].split() == ["moa00", "16", "(4)", "4", "(1)", "4", "(1)"] and lines[4].split()[0] == "all"
    dataset = Dataset(folder)
    assert dataset.folds == [0] and len(dataset.split_rows()) == 72 and list(findings(folder)) == []
    assert main(["split", "--data", str(folder)]) == 2 and "splits are frozen" in capsys.readouterr().err
    (tmp_path / "exclude.csv").write_text(f"id\n{dataset.rows[0].id}\n")
    assert main(["split", "--data", str(folder), "--force", "--by", "replicate", "--hold-out", "1", "2", "--exclude", str(tmp_path / "exclude.csv")]) == 0
    assert "1 images are excluded by" in capsys.readouterr().out
    assert [len(Dataset(folder).splits(0)[name]) for name in ("train", "validation", "test")] == [12, 12, 47]


@pytest.mark.parametrize("more, message", [
    (["--folds", "5"], "Expected --folds for other data than fields only"), (["--whole"], "Expected --whole for other data"),
    (["--by", "replicate", "--hold-out", "9"], "--hold-out: Expected some of"), (["--train-fraction", "1.5"], "Expected a fraction"),
])
def test_what_a_data_set_of_fields_cannot_have_is_one_line(folder, capsys, more, message):
    assert main(["split", "--data", str(folder), *more]) == 2
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 1 and not (folder / "splits.csv").exists()


@pytest.mark.parametrize("more", [["--by", "plate"], ["--hold-out", "1"], ["--train-fraction", "0.5"]])
def test_other_data_sets_are_not_split_so(make_bag, write_dataset, capsys, more):
    folder = write_dataset([make_bag(f"v{k}", 1, label=k % 2) for k in range(20)])
    assert main(["split", "--data", str(folder), *more]) == 2
    assert f"Expected {more[0]} for a data set of fields only" in capsys.readouterr().err
