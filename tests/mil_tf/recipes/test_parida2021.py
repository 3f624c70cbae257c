from mil_tf import recipes
from mil_tf.options import resolve
from mil_tf.recipes import parida2021
from mil_tf.recipes.parida2021 import OPTIONS, PROFILES, VARIANTS

STATED = {"max_epochs": 120, "recursion_epochs": 3, "keep": "last"}  # sections 3 and 4.2


def test_the_papers_variant_is_what_the_paper_states():
    found = resolve(OPTIONS, VARIANTS["paper"])
    assert {name: found[name] for name in STATED} == STATED


def test_every_layer_resolves_and_every_option_has_a_source():
    for variant in VARIANTS.values():
        for profile in PROFILES.values():
            assert set(resolve(OPTIONS, profile, variant)) == set(OPTIONS)
    assert all(option.source and option.help for option in OPTIONS.values())
    assert recipes.load("parida2021") is parida2021
