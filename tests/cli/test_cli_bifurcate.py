"""``rnn-dynamics bifurcate``: an input or a weight that moves, and a training, as a user sees them."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from command import run_command
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics import plotting
from rnn_dynamics.cells import module_from_spec

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


QUICK = ("--starts", 24, "--searches", 3)
FILES = {"special_points.csv", "intervals.csv", "branches.csv"} | {
    f"bifurcations.{suffix}" for suffix in ("safetensors", "pdf", "png")
}
TIMELINE = {"checkpoints.csv", "events.csv", "lives.csv"} | {f"timeline.{s}" for s in ("safetensors", "pdf", "png")}
FOLD = 2 * 0.5**0.5 - float(torch.atanh(torch.tensor(0.5**0.5, dtype=torch.float64)))
"""Of h = tanh(2 h + x), at x and at -x."""


def run(capsys: Any, monkeypatch: Any, *arguments: object, columns: int = 100) -> tuple[int, str, str]:
    monkeypatch.setattr(import_module("rnn_dynamics.cli.shared").console, "_width", columns)
    return run_command(capsys, monkeypatch, "bifurcate", *arguments, columns=columns)


def weights(recurrent: float = 2.0, bias: float = 0.0, width: int = 1) -> dict[str, Tensor]:
    """h -> tanh(recurrent h + sum of inputs + bias)."""
    return {
        "weight_ih_l0": torch.ones(1, width),
        "weight_hh_l0": torch.full((1, 1), recurrent),
        "bias_ih_l0": torch.zeros(1),
        "bias_hh_l0": torch.full((1,), bias),
    }


def rotating() -> dict[str, Tensor]:
    """h -> tanh(W h) with W eigenvalues 1 +- 0.6 i."""
    state = module_from_spec("RNN-2", 1, 0).state_dict()
    state = {name: torch.zeros_like(weight) for name, weight in state.items()}
    return {**state, "weight_hh_l0": torch.tensor([[1.0, 0.6], [-0.6, 1.0]])}


def gru(units: int = 6, width: int = 2) -> dict[str, Tensor]:
    state = module_from_spec(f"GRU-{units}", width, 0).state_dict()
    return {name: 3 * weight for name, weight in state.items()}


def model(state: dict[str, Tensor] | None = None, path: str = "model.pt") -> str:
    torch.save(weights() if state is None else state, path)
    return path


# An input moves


def test_an_input_is_told_with_its_folds(capsys, monkeypatch) -> None:
    code, out, err = run(capsys, monkeypatch, model(), "--direction", 0, "--span", -1, 1, *QUICK)
    assert (code, err) == (0, "")
    assert "What moves: the input, (0) + p (1), p from -1 to 1" in out
    assert "24 starts from 64 sequences of 100 steps (Gaussian inputs)" in out
    assert "1 branch of fixed points over [-1, 1]: 2 folds" in out
    assert out.index(f"fold  {-FOLD:.6g}  two are born") < out.index(f"fold   {FOLD:.6g}  two meet")
    assert "No attractor that is on no branch was reached at 9 parameters." in out
    assert "The indices of all fixed points sum to 1 all over the span." in out
    assert out.splitlines()[-1] == "Results are in model-bifurcations/; look at model-bifurcations/bifurcations.png"
    place = Path("model-bifurcations")
    assert {path.name for path in place.iterdir()} == FILES
    points = pd.read_csv(place / "special_points.csv")
    assert points["parameter"].tolist() == pytest.approx([-FOLD, FOLD], abs=1e-9)
    assert pd.read_csv(place / "intervals.csv")["fixed_points"].tolist() == [1, 3, 1]
    assert "coefficient: of the normal form; born, meet: as p rises; branches: by number" in out
    assert "supercritical" not in out  # folds are neither, so nothing needs explaining
    assert all(len(line) <= 100 for line in out.splitlines() if line.startswith(" "))


def test_branches_are_certified(capsys, monkeypatch) -> None:
    code, out, err = run(capsys, monkeypatch, model(), "--span", -1, 1, *QUICK, "--sections", 0, "--certify")
    assert (code, err) == (0, "")
    proof = rd.load(Path("model-bifurcations") / "branch0_certificates.safetensors")
    folds = [row for row, kind in enumerate(proof.kinds) if kind == "fold"]
    assert len(folds) == 2
    assert proof.proved[folds].all()
    assert f"Branch 0: {proof.summary()}" in out
    tables = {name: pd.read_csv(Path("model-bifurcations") / f"{name}.csv") for name in ("special_points", "branches")}
    assert set(tables["special_points"]["proved"]) == {"yes"}
    assert (tables["branches"]["proved"] == "yes").sum() == len(proof.branch)
    heading = next(line for line in out.splitlines() if "coefficient" in line)
    assert "proved" in heading


def test_the_saved_diagram_is_that_of_the_library(capsys, monkeypatch) -> None:
    sequences = torch.randn(5, 7, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    np.save("x.npy", sequences.numpy())
    code, out, _ = run(
        capsys,
        monkeypatch,
        model(gru()),
        "--direction",
        "0.5,-1",
        "--offset",
        "1,0",
        "--span",
        2,
        -1.5,
        "--inputs",
        "x.npy",
        "--starts",
        20,
        "--noise",
        0.25,
        "--searches",
        2,
        "--sections",
        1,
        "--max-period",
        2,
        "--max-steps",
        500,
        "--seed",
        3,
        "--out",
        "there",
    )
    assert code == 0
    assert "the input, (1, 0) + p (0.5, -1), p from 2 to -1.5" in out
    assert "20 starts from 5 sequences of 7 steps (x.npy)" in out
    network = rd.as_map(module_from_spec("GRU-6", 2, 0))
    network = network.with_weights([3 * weight for weight in network.weights])
    starts = rd.sample_states(network, sequences, 20, noise=0.25, seed=3)
    direct = rd.bifurcation_diagram(
        network.input_family([0.5, -1], [1, 0]),
        starts,
        (2, -1.5),
        searches=2,
        sections=1,
        max_period=2,
        walk=rd.Walk(max_steps=500),
        seed=3,
    )
    stored = rd.load("there/bifurcations.safetensors")
    assert stored.span == (2.0, -1.5)
    assert stored.to_pandas().equals(direct.to_pandas())
    assert stored.searched.equal(direct.searched)
    assert stored.sectioned.equal(direct.sectioned)
    assert len(stored) == len(direct) >= 1
    for one, other in zip(stored.branches, direct.branches, strict=True):
        assert one.states.equal(other.states)
    table = pd.read_csv("there/branches.csv")
    assert table.groupby("branch").size().tolist() == [len(branch) for branch in direct.branches]
    assert table["norm"].to_numpy() == pytest.approx(torch.cat([b.observed() for b in direct.branches]).numpy())


def test_without_a_direction_input_0_moves_from_minus_1_to_1(capsys, monkeypatch) -> None:
    code, out, _ = run(capsys, monkeypatch, model(weights(width=2)), *QUICK, "--sections", 0)
    assert code == 0
    assert "the input, (0, 0) + p (1, 0), p from -1 to 1" in out
    assert "looked for at" not in out


def test_an_observable_and_eigenvalues_reach_figure_and_table(capsys, monkeypatch) -> None:
    drawn: list[dict[str, Any]] = []
    real = plotting.plot_diagram
    monkeypatch.setattr(plotting, "plot_diagram", lambda result, **how: drawn.append(how) or real(result, **how))
    path = model(gru())
    for observable, value in (("5", 5), ("norm", "norm")):
        options = ("--observable", observable, "--eigenvalues", "--direction", 1, "--offset", "0,-0.5")
        assert run(capsys, monkeypatch, path, *options, *QUICK, "--sections", 0)[0] == 0
        assert drawn[-1] == {
            "observable": value,
            "eigenvalues": True,
            "parameter": "input 1 + 0.5",
            "certificates": None,
        }
        columns = pd.read_csv("model-bifurcations/branches.csv").columns
        assert ("unit_5" in columns) == (value == 5)
    assert run(capsys, monkeypatch, path, *QUICK, "--sections", 0)[0] == 0
    assert drawn[-1] == {"observable": None, "eigenvalues": False, "parameter": "input 0", "certificates": None}


# A weight moves


def test_a_pitchfork_is_one_row_with_both_branches(capsys, monkeypatch) -> None:
    code, out, _ = run(capsys, monkeypatch, model(weights(1.0)), "--scale", "weight_hh_l0", *QUICK, "--sections", 0)
    assert code == 0
    assert "weight_hh_l0 times p, p from 0 to 2; held: the input (0)" in out
    rows = [line.split() for line in out.splitlines() if line.startswith(" branch point")]
    assert len(rows) == 1
    assert rows[0][2:] == ["1", "pitchfork,", "supercritical", "-0.3333", "0,", "1"]
    assert "supercritical: what is born is stable" in out
    assert pd.read_csv("model-bifurcations/special_points.csv")["parameter"].tolist() == pytest.approx([1, 1])


def test_circles_are_looked_for(capsys, monkeypatch) -> None:
    options = ("--scale", "weight_hh_l0", "--sections", 3, *QUICK)
    code, out, _ = run(capsys, monkeypatch, model(rotating()), *options)
    assert code == 0
    born = 1 / 1.36**0.5
    row = next(line.split() for line in out.splitlines() if line.startswith(" Neimark-Sacker"))
    assert float(row[1]) == pytest.approx(born, abs=1e-5)
    assert float(row[4]) == pytest.approx(float(torch.atan(torch.tensor(0.6))), abs=1e-4)
    assert "Attractors that are on no branch, looked for at 3 parameters:" in out
    assert "circle: at 2 of them, 1 to 2; largest exponent" in out
    assert "reached by up to 100% of the starts" in out
    table = pd.read_csv("model-bifurcations/sections.csv")
    assert table["parameter"].tolist() == [1, 2]
    assert set(table["kind"]) == {"circle"}
    code, out, _ = run(capsys, monkeypatch, "model.pt", *options, "--sections", 0)
    assert "Where no fixed point is stable there are other attractors: --sections 9 looks for them." in out
    assert {path.name for path in Path("model-bifurcations").iterdir()} == FILES


def test_a_gates_bias_is_shifted_under_a_held_input(capsys, monkeypatch) -> None:
    options = ("--shift", "bias_hh_l0", "--gate", "z", "--hold", "0.5,-1", "--span", -3, 3, "--sections", 0)
    code, out, _ = run(capsys, monkeypatch, model(gru()), *options, *QUICK)
    assert code == 0
    assert "p is added to bias_hh_l0 (gate z), p from -3 to 3; held: the input (0.5, -1)" in out
    stored = rd.load("model-bifurcations/bifurcations.safetensors")
    network = rd.as_map(module_from_spec("GRU-6", 2, 0))
    network = network.with_weights([3 * weight for weight in network.weights])
    family = rd.shifted(network, "bias_hh_l0", [0.5, -1], gate="z")
    branch = stored.branches[0]
    for row in (0, len(branch) // 2, len(branch) - 1):
        state = branch.states[row : row + 1]
        assert float((family(float(branch.parameters[row]))(state) - state).norm()) < 1e-9


# What is not whole


def test_branches_that_end_early_are_said(capsys, monkeypatch) -> None:
    options = ("--direction", 0, *QUICK, "--sections", 0, "--max-steps", 8)
    code, out, _ = run(capsys, monkeypatch, model(), *options)
    assert code == 0
    assert "branch 0: --max-steps ended it" in out


def test_branches_that_are_missing_are_said(capsys, monkeypatch) -> None:
    command = import_module("rnn_dynamics.cli.bifurcate")
    real = command.bifurcation_diagram

    def with_one_lost(*arguments: Any, **options: Any) -> Any:
        whole = real(*arguments, **options)
        return replace(whole, index_sums=torch.tensor([1, 0, 1]))

    monkeypatch.setattr(command, "bifurcation_diagram", with_one_lost)
    code, out, _ = run(capsys, monkeypatch, model(), "--direction", 0, *QUICK, "--sections", 0)
    assert code == 0
    assert f"A branch is missing: the indices do not sum to 1 for parameters in [{-FOLD:.6g}, {FOLD:.6g}]." in out
    assert "More --searches or --starts, other --inputs or more --noise may find it." in out


def test_only_twenty_rows_are_shown(capsys, monkeypatch) -> None:
    state = {name: torch.zeros_like(w) for name, w in module_from_spec("RNN-3", 1, 0).state_dict().items()}
    state["weight_hh_l0"] = torch.diag(torch.tensor([2.0, 2.2, 2.4]))  # 27 fixed points where each unit has three
    state["weight_ih_l0"] = torch.tensor([[1.0], [0.7], [-1.3]])
    options = ("--span", -1.5, 1.5, "--starts", 60, "--searches", 1, "--sections", 0)
    code, out, _ = run(capsys, monkeypatch, model(state), *options)
    assert code == 0
    number = len(pd.read_csv("model-bifurcations/special_points.csv"))
    assert number > 20
    assert sum(line.startswith(" fold ") for line in out.splitlines()) == 20
    assert f"... and {number - 20} more, in special_points.csv" in out


def interrupting(after: int) -> Any:
    """``find_fixed_points`` during which a user presses Ctrl-C once it was called so often."""
    real, calls = rd.find_fixed_points, []

    def search(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) > after:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    return search


@pytest.mark.parametrize(("after", "kept"), [(2, True), (0, False)])
def test_ctrl_c_keeps_finished_branches(capsys, monkeypatch, after, kept) -> None:
    monkeypatch.setattr(
        import_module("rnn_dynamics.bifurcations.diagram.search"), "find_fixed_points", interrupting(after)
    )
    code, out, _ = run(capsys, monkeypatch, model(), "--direction", 0, *QUICK)
    assert code == 130
    last = out.splitlines()[-1]
    found = {path.name for path in Path("model-bifurcations").iterdir()}
    if kept:
        assert last.startswith("Interrupted: what was finished is kept. Results are in model-bifurcations/")
        assert "Interrupted: the branches are those finished by then, others may be missing." in out
        assert found == FILES
        assert rd.load("model-bifurcations/bifurcations.safetensors").interrupted
    else:
        assert last == "Interrupted: nothing was finished that could be kept"
        assert "fixed points" not in out
        assert found == set()


# A training


def training(biases: tuple[float, ...] = (-1.0, -0.6, -0.2)) -> Path:
    place = Path("run")
    place.mkdir()
    for index, bias in enumerate(biases):
        torch.save(weights(bias=bias), place / f"step-{10 * index}.pt")
    return place


def test_a_folder_is_followed_through_its_training(capsys, monkeypatch) -> None:
    code, out, err = run(capsys, monkeypatch, training(), "--starts", 24)
    assert (code, err) == (0, "")
    assert "3 checkpoints in run, steps 0 to 20; held: the input (0)" in out
    born = 10 * (1 - FOLD) / 0.4
    assert f"step {born:.6g}: fold (1, 2 born)" in out
    assert "in brackets: numbers of fixed points, as in lives.csv" in out
    assert "The index sum is 1 at every checkpoint." in out
    assert "Loss:" not in out
    assert out.splitlines()[-1] == "Results are in run-bifurcations/; look at run-bifurcations/timeline.png"
    assert {path.name for path in Path("run-bifurcations").iterdir()} == TIMELINE
    table = pd.read_csv("run-bifurcations/checkpoints.csv")
    assert table["fixed_points"].tolist() == [1, 1, 3]
    assert rd.load("run-bifurcations/timeline.safetensors").steps.tolist() == [0, 10, 20]


def test_a_training_under_a_held_input(capsys, monkeypatch) -> None:
    training()
    monkeypatch.chdir("run")
    code, out, _ = run(capsys, monkeypatch, ".", "--hold", "0.5", "--observable", 0, "--starts", 24, "--out", "../o")
    assert code == 0
    assert "no bifurcation" in out  # the first checkpoint has three already
    assert pd.read_csv("../o/checkpoints.csv")["fixed_points"].tolist() == [3, 3, 3]


def test_ctrl_c_in_a_training_keeps_checkpoints(capsys, monkeypatch) -> None:
    timeline = import_module("rnn_dynamics.timeline.search")
    with monkeypatch.context() as patched:
        patched.setattr(timeline, "find_fixed_points", interrupting(2))
        code, out, _ = run(capsys, monkeypatch, training(), "--starts", 24)
    assert code == 130
    assert out.splitlines()[-1].startswith("Interrupted: what was finished is kept.")
    assert "Interrupted after 2 checkpoints." in out
    assert pd.read_csv("run-bifurcations/checkpoints.csv")["step"].tolist() == [0, 10]
    monkeypatch.setattr(timeline, "find_fixed_points", interrupting(0))
    code, out, _ = run(capsys, monkeypatch, "run", "--starts", 24, "--out", "none")
    assert code == 130
    assert out.splitlines()[-1] == "Interrupted: nothing was finished that could be kept"
    assert list(Path("none").iterdir()) == []


# What goes wrong


def two_seeds() -> None:
    for seed in (0, 1):
        place = Path(f"run/seed-{seed}/checkpoints")
        place.mkdir(parents=True)
        torch.save(weights(), place / "step-1.pt")


def test_a_run_of_several_seeds_names_one(capsys, monkeypatch) -> None:
    two_seeds()
    code, _, err = run(capsys, monkeypatch, "run")
    assert code == 1
    assert "choose one, such as run/seed-0" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--direction", 2], ["--direction must be the number of an input, 0 to 1", "got '2'"]),
        (["--direction", -1], ["--direction must be the number of an input, 0 to 1", "got '-1'"]),
        (["--direction", "1,2,3"], ["--direction must be 2 finite numbers", "'1,2,3'"]),
        (["--direction", "up"], ["--direction must be 2 numbers", "'up'"]),
        (["--direction", "nan,0"], ["--direction must be 2 finite numbers"]),
        (["--direction", "0,0"], ["--direction must not be zero"]),
        (["--offset", "1"], ["--offset must be 2 finite numbers"]),
        (["--direction", 0, "--scale", "weight_hh_l0"], ["choose one of --direction, --scale"]),
        (["--scale", "weight_hh_l0", "--shift", "bias_hh_l0"], ["choose one of --scale, --shift"]),
        (["--scale", "w"], ["--scale must be a weight of the network", "bias_hh_l0", "'w'"]),
        (["--shift", "weight_hh_l1"], ["--shift must be a weight of the network", "'weight_hh_l1'"]),
        (["--shift", "bias_hh_l0", "--gate", "f"], ["--gate must be one letter of 'rzn'", "'f'"]),
        (["--gate", "z"], ["--gate goes with --scale or --shift"]),
        (["--hold", "0,0"], ["--hold is for --scale, --shift and folders", "--offset"]),
        (["--scale", "weight_hh_l0", "--offset", "0,0"], ["--offset is for an input that moves", "--hold"]),
        (["--scale", "weight_hh_l0", "--hold", "0"], ["--hold must be 2 finite numbers"]),
        (["--span", 1, 1], ["--span must be two different finite numbers", "got 1 1"]),
        (["--span", "nan", 1], ["--span must be two different finite numbers", "got nan 1"]),
        (["--span", 0, "inf"], ["--span must be two different finite numbers", "got 0 inf"]),
        (["--observable", 6], ["--observable must be a unit's number, 0 to 5, or 'norm'", "'6'"]),
        (["--observable", "PC 1"], ["--observable must be a unit's number"]),
        (["--inputs", "none.npy"], ["cannot read none.npy"]),
        (["--prefix", "decoder"], ["it holds no recurrent network at 'decoder'"]),
        (["--out", "model.pt/below"], ["cannot write to the folder model.pt/below"]),
    ],
)
def test_a_mistake_is_one_sentence_before_the_work(capsys, monkeypatch, arguments, words) -> None:
    code, out, err = run(capsys, monkeypatch, model(gru()), *arguments)
    assert code == 1
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err
    assert "branch" not in out
    assert not Path("model-bifurcations").exists()


@pytest.mark.parametrize(
    ("make", "arguments", "words"),
    [
        (lambda: None, ["none.pt"], ["none.pt"]),
        (lambda: Path("text.pt").write_text("no weights"), ["text.pt"], ["cannot read text.pt"]),
        (lambda: Path("run").mkdir(), ["run"], ["run holds no checkpoint whose name ends in its step"]),
        (training, ["run", "--direction", 0, "--span", -1, 1], ["run is a folder", "no place for --direction, --span"]),
        (training, ["run", "--max-period", 4], ["no place for --max-period"]),
        (training, ["run", "--eigenvalues"], ["no place for --eigenvalues"]),
        (training, ["run", "--hold", "0,1"], ["--hold must be 1 finite numbers"]),
        (training, ["run", "--observable", 1], ["--observable must be a unit's number, 0 to 0"]),
        (training, ["run", "--out", "run/step-0.pt/x"], ["cannot write to the folder"]),
    ],
)
def test_wrong_files_and_folders(capsys, monkeypatch, make, arguments, words) -> None:
    make()
    code, out, err = run(capsys, monkeypatch, *arguments)
    assert code == 1
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err
    assert "fixed point" not in out


def test_help_teaches(capsys, monkeypatch) -> None:
    text = " ".join(run(capsys, monkeypatch, "--help")[1].split())
    for phrase in (
        "rnn-dynamics bifurcate model.pt --direction 0 --span -2 2",
        "--shift bias_hh_l0 --gate z --span -3 3",
        "rnn-dynamics bifurcate checkpoints/",
        "0 for none",
        "-1 1; with --scale 0 2",
        "input 0",
    ):
        assert phrase in text
    assert "rnn-dynamics bifurcate model.pt --direction 0" in run_command(capsys, monkeypatch, "--help")[1]
