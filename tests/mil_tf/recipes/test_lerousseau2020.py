from mil_tf import recipes
from mil_tf.options import resolve
from mil_tf.recipes import lerousseau2020
from mil_tf.recipes.lerousseau2020 import OPTIONS, PROFILES, VARIANTS

# Section 3.1 of the paper; alpha and beta are its best of table 1.
STATED = {
    "alpha": 0.2, "beta": 0.2, "patches": 150, "backbone": "resnet50", "window": 1, "optimizer": "Adam",
    "learning_rate": 1e-4, "max_epochs": 20, "augmentation": "paper", "standardisation": "measured", "map": "position",
    "keep": "last", "patches_in_memory": 0, "precision": "float32", "statistics": "slide", "whole_epochs": 0, "start": "",
}


def test_the_papers_variant_is_what_the_paper_states():
    found = resolve(OPTIONS, VARIANTS["paper"])
    assert {name: found[name] for name in STATED} == STATED


def test_the_default_departs_from_it_in_its_map_alone():
    paper, default = resolve(OPTIONS, VARIANTS["paper"]), resolve(OPTIONS, VARIANTS["default"])
    assert {name for name in OPTIONS if paper[name] != default[name]} == {"map"}


def test_every_layer_resolves_and_every_option_has_a_source():
    for variant in VARIANTS.values():
        for profile in PROFILES.values():
            assert set(resolve(OPTIONS, profile, variant)) == set(OPTIONS)
    assert all(option.source and option.help for option in OPTIONS.values())
    assert recipes.load("lerousseau2020") is lerousseau2020
