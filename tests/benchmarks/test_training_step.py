import csv

import numpy as np
import pytest

from benchmarks import material, training_rows, training_step

ROWS = ["select-then-batch", "PyTorch bfloat16", "bound"]


@pytest.mark.long
def test_the_table_and_its_ratios(tiny, tmp_path, capsys):
    out = tmp_path / "out.csv"
    assert training_step.main(
        [*tiny, "--window", "2", "--repetitions", "2", "--rows", *ROWS, "--out", str(out)]
    ) == 0
    with open(out, newline="", encoding="utf-8") as file:
        product, bound, torch = csv.DictReader(file)
    assert [product["row"], bound["row"], torch["row"]] == ["select-then-batch", "bound", "PyTorch bfloat16"]
    assert torch["note"] == "no --torch-python given" and torch["rate"] == product["to_torch_bfloat16"] == ""
    assert float(bound["to_bound"]) == 1.0 and product["repetitions"] == "2"
    assert float(product["to_bound_low"]) <= float(product["to_bound"]) <= float(product["to_bound_high"])
    assert product["close_calls"].endswith("/4") and product["commit"] and product["tensorflow"] and product["cores"]
    shown = capsys.readouterr().out
    assert "asked for 0.95" in shown and "x bound" in shown


@pytest.fixture
def rows(tiny):
    import argparse

    parser = argparse.ArgumentParser()
    material.arguments(parser)
    folder = material.cached(parser.parse_args(tiny))
    return {name: training_rows.build(name, folder, 2)[0] for name in training_rows.ROWS}


@pytest.mark.long
def test_all_ways_find_the_same_slices_and_losses(rows):
    found = {name: [step(index) for index in range(2)] for name, step in rows.items()}
    expected = found.pop("literal")
    del found["bound"], found["select-then-batch, head"]  # one chooses nothing, the other is not exact
    for replies in found.values():
        for mine, theirs in zip(replies, expected):  # the second after an update, so that gradients are compared too
            assert mine["tops"] == theirs["tops"]
            np.testing.assert_allclose(mine["losses"], theirs["losses"], rtol=1e-3)


def test_the_bare_pass_is_the_folded_twin(tiny):
    import argparse

    from mil_tf.models.folded import Folded

    parser = argparse.ArgumentParser()
    material.arguments(parser)
    source, model, options = material.load(material.cached(parser.parse_args(tiny)))
    images = source.take(0, range(4)).astype(np.float32)
    bare = training_rows.bare_forward(model, options)(images)
    np.testing.assert_allclose(bare, Folded(model, "bfloat16").network(images)[1], atol=0.02)
