import importlib

import pytest

from preprocessing.__main__ import COMMANDS, main


@pytest.mark.parametrize("module", COMMANDS.values())
def test_every_command_has_a_main(module):
    assert callable(importlib.import_module(module).main)


def test_arguments_reach_the_command(monkeypatch):
    received = []
    monkeypatch.setattr("preprocessing.phantoms.__main__.main", lambda args: received.append(args) or 7)
    assert main(["phantoms", "ct", "--n", "3"]) == 7
    assert received == [["ct", "--n", "3"]]


def test_an_unknown_or_missing_command_is_told(capsys):
    assert main(["mri"]) == 2
    names = "ct, slides, fields, cohort, qc, split, sample, phantoms"
    assert f"Expected one of {names}. Received: 'mri'" in capsys.readouterr().err
    assert main([]) == 2
    assert "python -m preprocessing ct" in capsys.readouterr().out
