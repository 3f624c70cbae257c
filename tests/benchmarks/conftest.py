"""What the benchmarks of speed work on, small enough for a test."""

import pytest

from benchmarks import material
from mil_tf import embedded

TINY = "--size 32 --slices 4 --bags 2 --warm-steps 1 --set backbone=resnet10 width=2".split()


@pytest.fixture(scope="session")
def tiny_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def tiny(tiny_cache, monkeypatch):
    """Arguments of a benchmark of seconds, whose material is made in this process, once."""
    monkeypatch.setenv(embedded.CACHE, str(tiny_cache))
    monkeypatch.setattr(material, "WARM_BAGS", 2)
    monkeypatch.setattr(material, "NORM_STEPS", 1)
    monkeypatch.setattr(material, "made", material.cached)
    return list(TINY)
