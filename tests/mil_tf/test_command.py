"""From arguments to jobs: every refusal is one line and exit code 2, before anything is trained."""

import subprocess
import sys
import types
from pathlib import Path

import pytest

import train
from mil_tf.command import jobs, resolve_options
from mil_tf.recipes import remedios2020
from tfrecords import Dataset


def given(*args):
    return train.arguments().parse_args(list(args))


def options(*args):
    return resolve_options(remedios2020, given(*args))


def recipe():
    """A recipe whose layers all say something else."""
    from mil_tf.options import Option

    names = ("a", "b", "c", "d", "profile")
    return types.SimpleNamespace(
        OPTIONS={name: Option("full" if name == "profile" else 0, "test", "") for name in names},
        PROFILES={"full": {}, "quick": {"b": 1, "c": 1, "d": 1}, "small": {"b": 9}},
        VARIANTS={"default": {}, "paper": {"c": 2, "d": 2}},
    )


@pytest.mark.parametrize(
    "args, expected", [
        ([], (0, 0, 0, 0, "full")), (["--quick"], (0, 1, 1, 1, "quick")),
        (["--variant", "paper"], (0, 0, 2, 2, "full")),
        (["--quick", "--variant", "paper", "--set", "d=3"], (0, 1, 2, 3, "quick")),
        (["--set", "profile=small"], (0, 9, 0, 0, "small")),
        (["--quick", "--set", "profile=small"], (0, 9, 0, 0, "small")),
        (["--set", "a=1", "b=2", "--set", "a=4", "c=5"], (4, 2, 5, 0, "full")),
    ],
)
def test_set_lies_over_the_variant_and_that_over_the_profile(args, expected):
    assert tuple(resolve_options(recipe(), given(*args)).values()) == expected


def test_sizes_folds_and_seeds_are_a_grid(tiny_data):
    asked = given("--bags", "6", "4", "6", "--folds", "2", "--seeds", "2")
    found = jobs(remedios2020, {}, asked, Dataset(tiny_data))
    assert [(job.bags, job.fold, job.seed) for job in found] == [
        (bags, fold, seed) for bags in (6, 4) for fold in (0, 1) for seed in (0, 1)
    ]
    assert found[0].folder("out") == Path("out/remedios2020/bags-6/fold-0/seed-0")


def test_without_a_size_a_fold_gives_all_it_has_and_several_as_many_as_the_smallest(tiny_data):
    found = jobs(remedios2020, {}, given("--seed", "3"), Dataset(tiny_data))
    assert [(job.bags, job.fold, job.seed) for job in found] == [(14, 0, 3)]
    found = jobs(remedios2020, {}, given("--folds", "2", "--seed", "3"), Dataset(tiny_data))
    assert [(job.bags, job.fold, job.seed) for job in found] == [(13, 0, 3), (13, 1, 3)]


@pytest.mark.parametrize(
    "args, told", [
        (["--set", "windw=3"], "--set windw: no such option; did you mean 'window'? Known: "),
        (["--set", "window"], "--set: Expected key=value. Received: 'window'."),
        (["--set", "window=many"], "--set window: Expected a int such as "),
        (["--set", "warm_up=-1"], "--set warm_up: Expected at least 0. Received: -1."),
        (["--set", "learning_rate=0"], "--set learning_rate: Expected a number above 0. Received: 0.0."),
        (["--set", "dropout=1"], "--set dropout: Expected at least 0 and below 1. Received: 1.0."),
        (["--set", "norm=None"], "--set norm: Expected a str such as "),
        (["--set", "profile=tiny"], "--set profile: Expected one of full, quick, small. Received: 'tiny'."),
        (["--set", "profile=[1]"], "--set profile: Expected one of full, quick, small. Received: [1]."),
        (["--variant", "best"], "--variant: Expected one of default, paper, released. Received: 'best'."),
        (["--recipe", "remedios"], "--recipe remedios: no such recipe; did you mean 'remedios2020'? Known: "),
        (["--bags", "0"], "--bags: Expected 1 to 14, the training bags of fold 0. Received: 0."),
        (["--bags", "4", "15"], "--bags: Expected 1 to 14, the training bags of fold 0. Received: 15."),
        (["--bags", "14", "--folds", "2"], "--bags: Expected 1 to 13, the training bags of fold 1. Received: 14."),
        (["--folds", "3"], "Expected a fold of [0, 1]. Received: 2."),
        (["--fold", "-1"], "Expected a fold of [0, 1]. Received: -1."),
        (["--folds", "0"], "--folds: Expected at least 1. Received: 0."),
        (["--seeds", "0"], "--seeds: Expected at least 1. Received: 0."),
        (["--seed", "-1"], "--seed: Expected 0 or above. Received: -1."),
    ],
)
def test_what_cannot_be_is_one_line(tiny_data, tmp_path, capsys, args, told):
    assert train.main(["--data", str(tiny_data), "--out", str(tmp_path / "runs"), *args]) == 2
    shown, said = capsys.readouterr()
    assert said.startswith("train.py: ") and told in said and said.count("\n") == 1 and shown == ""
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_is_no_data_set_is_one_line(tmp_path, capsys, there):
    folder = tmp_path / "data"
    if there:
        folder.mkdir()
    assert train.main(["--data", str(folder)]) == 2
    said = capsys.readouterr().err
    assert said == f"train.py: Expected a folder with a dataset.json. Received: {folder}.\n"


def test_without_splits_the_command_that_writes_them_is_named(tiny_data, tmp_path, capsys):
    for name in ("dataset.json", "bags.csv"):
        (tmp_path / name).write_bytes((tiny_data / name).read_bytes())
    assert train.main(["--data", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"`python -m preprocessing split --data {tmp_path}`" in said and said.count("\n") == 1


@pytest.mark.parametrize("args", [["--fold", "0", "--folds", "2"], ["--seed", "0", "--seeds", "2"]])
def test_one_fold_or_several(args, capsys):
    with pytest.raises(SystemExit) as stopped:
        given(*args)
    assert stopped.value.code == 2 and "not allowed with" in capsys.readouterr().err


def test_options_are_listed_with_their_sources_and_as_they_are_set(capsys):
    assert train.main(["--list-options", "--set", "window=3"]) == 0
    said = capsys.readouterr().out
    for name, option in remedios2020.OPTIONS.items():
        assert f"\n{name} = " in f"\n{said}" and option.help in said and option.source in said
    assert "window = 3    from: --set; default 128, paper 2.2\n" in said


def test_listed_options_name_the_layer_that_set_them(capsys):
    train.main(["--list-options", "--quick", "--variant", "paper", "--set", "window=3"])
    said = capsys.readouterr().out
    assert "\nmax_epochs = 24    from: profile quick; default 1000, our decision\n" in said
    assert "\nwarm_up = 0    from: variant paper; default 16, our decision\n" in said
    assert "\nwindow = 3    from: --set; default 128, paper 2.2\n" in said
    assert "\npatience = 8    from: profile quick; default 50, paper 2.2\n" in said
    assert "\nloss = 'CategoricalCrossentropy'    from: paper 2.2\n" in said


def test_listing_options_loads_no_tensorflow():
    code = "import sys, train; train.main(['--list-options']); sys.exit('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(train.__file__).parent)
    assert done.returncode == 0, done.stderr


def test_ctrl_c_outside_the_loop_says_how_to_go_on(tiny_data, tmp_path, capsys, monkeypatch):
    def stopped(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("mil_tf.training.run.train", stopped)
    assert train.main(["--data", str(tiny_data), "--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "train.py: stopped at once; go on with the same command and --resume\n"
