from mil_tf import recipes
from mil_tf.models.conv_mil import WIDTHS
from mil_tf.options import resolve
from mil_tf.recipes import kraus2016
from mil_tf.recipes.kraus2016 import OPTIONS, PROFILES, VARIANTS

# Sections 3 and 4 of the paper.
STATED = {
    "learns_from": "images", "pooling": "noisy_and(slope=10)", "widths": (32, 64, 64, 128, 128, 1000), "pool_dropout": 0.2,
    "dropout": 0.5, "crop": 900, "cell_crop": 96, "window": 16, "optimizer": "Adam", "learning_rate": 1e-3, "epsilon": 1e-8,
    "precision": "float32",
}


def test_the_papers_variant_is_what_the_paper_states():
    found = resolve(OPTIONS, VARIANTS["paper"])
    assert {name: found[name] for name in STATED} == STATED and found["widths"] == WIDTHS


def test_every_layer_resolves_and_every_option_has_a_source():
    for variant in VARIANTS.values():
        for profile in PROFILES.values():
            assert set(resolve(OPTIONS, profile, variant)) == set(OPTIONS)
    assert all(option.source and option.help for option in OPTIONS.values())
    assert recipes.load("kraus2016") is kraus2016
