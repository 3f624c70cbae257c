from mil_tf import recipes
from mil_tf.options import resolve
from mil_tf.recipes import nemcek2021
from mil_tf.recipes.nemcek2021 import OPTIONS, PROFILES, VARIANTS

# Section II of the paper.
STATED = {
    "form": "paper", "standardisation": "measured", "window": 128, "optimizer": "Adam", "learning_rate": 0.01, "decay": 1e-6,
    "drops": (20, 30, 35), "crop": 256, "augmentation": "paper", "class_weights": True, "keep": "best", "start": "",
    "soft_epochs": 0, "blocks": 3, "detector": "tuned", "only_positive": False, "seen": 0,
}


def test_the_papers_variant_is_what_the_paper_states():
    found = resolve(OPTIONS, VARIANTS["paper"])
    assert {name: found[name] for name in STATED} == STATED


def test_the_released_variant_is_what_the_code_does():
    found = resolve(OPTIONS, VARIANTS["released"])
    told = {"form": "released", "learning_rate": 0.001, "decay": 1e-8, "drops": (20, 25), "max_epochs": 30, "seen": 256, "keep": "last",
            "soft_epochs": 0}
    assert {name: found[name] for name in told} == told


def test_every_layer_resolves_and_every_option_has_a_source():
    for variant in VARIANTS.values():
        for profile in PROFILES.values():
            assert set(resolve(OPTIONS, profile, variant)) == set(OPTIONS)
    assert all(option.source and option.help for option in OPTIONS.values())
    assert recipes.load("nemcek2021") is nemcek2021
