"""The pages in a real browser: nothing is asked of a network, light and dark differ, they print, nothing sticks out."""

import io
import re

import numpy as np
import pytest
from PIL import Image

import evaluate
from tests import browser
from tests.mil_tf.evaluation.grids import SLICES, slice_truths, write_grid, write_unfinished
from tfrecords import Bag, Dataset
from tfrecords.writer import DatasetWriter

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser.find() is None, reason=f"none of {', '.join(browser.NAMES)} is on the PATH"),
]
SIZE = 32
# Elements that end beyond the window; those in a box of their own scroll there.
OUTSIDE = """
[...document.querySelectorAll("body *")].filter((one) => {
  const box = one.getBoundingClientRect();
  return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1) && !one.closest(".wide, svg");
}).map((one) => one.tagName + "." + one.className)
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    found = browser.Browser(browser.find(), tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The page of a grid, with a gallery and something missing, and that of one of its runs."""
    folder = tmp_path_factory.mktemp("grid")
    truths = slice_truths(40, positives=12)
    data = write_bags(folder / "data", truths)
    runs = write_grid(folder / "runs", {40: 1.0, 80: 2.0, 160: 3.0, 320: 3.5}, truths=truths, dataset=data)
    write_unfinished(folder / "runs", 640, 0, 0, data, failed="loss is nan")
    assert evaluate.main([str(runs[0]), "--resamples", "50"]) == 0
    with pytest.MonkeyPatch.context() as patch:  # one page of a run is enough
        patch.setattr("mil_tf.evaluation.run._write_page", lambda *args: None)
        assert evaluate.main([str(folder / "runs"), "--resamples", "50", "--workers", "1"]) == 0
    return {"grid": folder / "runs" / "report.html", "run": runs[0] / "report.html"}


def write_bags(folder, truths):
    """Bags with a bright square where a slice is positive."""
    writer = DatasetWriter(folder, [list(truths)], {"classes": ["positive"], "preprocessing": {"kind": "ct"}})
    with writer.shard(0) as shard:
        for id, truth in truths.items():
            pixels = np.random.default_rng(0).normal(30, 8, (SLICES, SIZE, SIZE, 1))
            mask = np.zeros((SLICES, SIZE, SIZE), np.uint8)
            mask[truth == 1, 8:16, 10:20] = 1
            pixels[mask > 0] += 30
            shard.write(Bag(id, f"patient-{id}", [int(truth.any())], pixels.astype(np.float16), np.arange(SLICES),
                            mask=mask, spacing=[1.0, 1.0, 5.0]))
    writer.finish()
    return Dataset(folder)


def picture(chromium):
    return np.asarray(Image.open(io.BytesIO(chromium.screenshot())).convert("L"), dtype=float)


@pytest.mark.parametrize("name", ["grid", "run"])
def test_it_opens_without_a_network_and_without_an_error(chromium, pages, name):
    chromium.open(pages[name])
    assert chromium.requests() == []
    assert chromium.errors() == []
    assert chromium.run("document.images.length + document.querySelectorAll('svg image').length") > 0
    assert chromium.run("document.querySelector('h1').getBoundingClientRect().height") > 0


def test_what_a_page_asks_for_is_seen(chromium, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<img src='http://127.0.0.1:9/x.png'><script>throw new Error('no')</script>")
    chromium.open(page)
    assert chromium.requests() == ["http://127.0.0.1:9/x.png"]
    assert any("no" in error for error in chromium.errors())


@pytest.mark.parametrize("name", ["grid", "run"])
def test_light_and_dark_differ(chromium, pages, name):
    chromium.open(pages[name], scheme="light")
    light = picture(chromium)
    chromium.open(pages[name], scheme="dark")
    assert light.mean() > 200 > 80 > picture(chromium).mean()


@pytest.mark.parametrize("name", ["grid", "run"])
def test_it_prints_on_several_pages(chromium, pages, name):
    chromium.open(pages[name])
    assert len(re.findall(rb"/Type\s*/Page\b", chromium.pdf())) > 2


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("name", ["grid", "run"])
def test_nothing_sticks_out(chromium, pages, name, width):
    chromium.open(pages[name], width=width)
    assert chromium.run(OUTSIDE) == []
    assert chromium.run("document.documentElement.scrollWidth") <= width
