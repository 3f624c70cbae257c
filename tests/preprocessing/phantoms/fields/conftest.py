"""Small cohorts of both kinds on disk, made once for all tests of the field phantoms."""

import pytest

from preprocessing.phantoms.fields.cohort import make_cohort
from tests.preprocessing.phantoms.fields.made import SCALE, SEED, SIZE, N


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """{kind: folder of 15 fields of 96 x 120 pixels at scale 0.4}."""
    made = {kind: tmp_path_factory.mktemp(kind) for kind in ("mechanisms", "localisation")}
    for kind, out in made.items():
        make_cohort(out, N, kind, SIZE, SCALE, SEED, jobs=1)
    return made


@pytest.fixture(params=("mechanisms", "localisation"))
def kind(request):
    """Both kinds of fields."""
    return request.param
