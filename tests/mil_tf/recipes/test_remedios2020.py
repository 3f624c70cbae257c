import pytest

from mil_tf import recipes
from mil_tf.options import resolve
from mil_tf.recipes import remedios2020
from mil_tf.recipes.remedios2020 import OPTIONS, PROFILES, VARIANTS
from mil_tf.training.method import build_optimizer, window_of

# Sections 2.2 and 2.3 of the paper.
STATED = {
    "backbone": "resnet34", "selection": "top_instance", "loss": "CategoricalCrossentropy", "window": 128,
    "optimizer": "Adam", "learning_rate": 1e-4, "patience": 50, "min_delta": 1e-4,
}


def test_the_papers_variant_is_what_the_paper_states():
    found = resolve(OPTIONS, VARIANTS["paper"])
    assert {name: found[name] for name in STATED} == STATED
    assert found["norm"] == "batch" and found["scaling"] == "none" and found["warm_up"] == 0 and found["width"] == 64
    assert found["augmentation"] == "none" and not found["freeze_norm"] and window_of(found)(0) == 128


def test_what_the_paper_states_is_every_variants_but_for_the_released_network():
    for name, variant in VARIANTS.items():
        found = resolve(OPTIONS, variant)
        network = "released" if name == "released" else "resnet34"
        assert {key: found[key] for key in STATED} == {**STATED, "backbone": network}


def test_every_layer_resolves_and_every_option_has_a_source():
    for variant in VARIANTS.values():
        for profile in PROFILES.values():
            assert set(resolve(OPTIONS, profile, variant)) == set(OPTIONS)
    assert all(option.source and option.help for option in OPTIONS.values())


def test_the_optimizer_is_the_one_that_is_named():
    found = build_optimizer(resolve(OPTIONS, {"weight_decay": 0.01}))
    assert type(found).__name__ == "Adam" and found.epsilon == 1e-8 and found.weight_decay == 0.01
    assert float(found.learning_rate.numpy()) == pytest.approx(1e-4)
    assert type(build_optimizer(resolve(OPTIONS, {"optimizer": "SGD"}))).__name__ == "SGD"


def test_a_recipe_is_loaded_by_name():
    assert recipes.load("remedios2020") is remedios2020
    with pytest.raises(ValueError, match="--recipe remedios: no such recipe; did you mean 'remedios2020'?"):
        recipes.load("remedios")
