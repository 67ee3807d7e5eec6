"""``rnn-dynamics warmup``: what it writes, says and refuses; and networks by name."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from command import run_command
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.cells import BRC, MGU, NBRC, Parallel, Specification, module_from_spec
from rnn_dynamics.systems import read_checkpoint
from rnn_dynamics.warmup import Horizon, warm_up

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


FAST = ("--steps", 4, "--batch-size", 8, "--horizon", 10, "--n", 8, "--measure-horizon", 200)  # figures take the time
FILES = {"warmup.safetensors", "warmup.csv", "before.safetensors", "after.safetensors"} | {
    f"{name}.{suffix}" for name in ("warmup", "outcome") for suffix in ("pdf", "png")
}


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.GRU(2, 6, num_layers=2)
        self.readout = nn.Linear(6, 3)
        self.register_buffer("count", torch.tensor(7))


def model() -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Model()


def inputs(width: int = 2, batch: int = 24, time: int = 12, scale: float = 1.0) -> Path:
    values = scale * torch.randn(batch, time, width, generator=torch.Generator().manual_seed(1))
    np.save("x.npy", values.numpy())
    return Path("x.npy")


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


# A network made on the spot


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("GRU-6x2", "GRU-6x2"), ("nbrc-5", "nBRC-5"), ("Chrono-4", "chrono-4"), ("gru+mgu-6x2", "GRU+MGU-6x2")],
)
def test_a_new_network_is_warmed_and_loads_back(capsys, monkeypatch, text, canonical) -> None:
    code, out, err = run_command(capsys, monkeypatch, "warmup", text, "--inputs", inputs(), *FAST, "--seed", 3)
    assert (code, err) == (0, "")
    folder = Path(f"{canonical}-warmup")
    assert {path.name for path in folder.iterdir()} == FILES | {"warmed.safetensors"}
    expected = module_from_spec(text, 2, seed=3)
    cold = {key: weight.clone() for key, weight in expected.state_dict().items()}
    history = warm_up(expected, np.load("x.npy"), 4, batch_size=8, horizon=Horizon(longest=10), seed=3)
    loaded = module_from_spec(text, 2, seed=4)
    loaded.load_state_dict(load_file(folder / "warmed.safetensors"))
    assert same(loaded.state_dict(), expected.state_dict())
    assert not same(loaded.state_dict(), cold)
    stored = rd.load(folder / "warmup.safetensors")
    assert torch.equal(stored.soft_vaas, history.soft_vaas)
    assert len(pd.read_csv(folder / "warmup.csv")) == 4
    before, after = (rd.load(folder / f"{when}.safetensors") for when in ("before", "after"))
    assert torch.equal(before.inputs, after.inputs)
    assert before.n == after.n == 8
    assert before.horizons.tolist() == [0, 10, 20, 50, 100, 200]
    assert f"Made {canonical}: " in out
    for phrase in (
        "24 sequences of 12 steps (x.npy)",
        "published VAA after 200 steps",
        "n VAA: attractors it stands for",
        "attractors really reached",
        "starts settled / slow / diverged",
        "leading exponent per step",
        "M = 10)",
    ):
        assert phrase in out


def test_the_measure_before_is_of_the_network_as_it_was(capsys, monkeypatch) -> None:
    run_command(capsys, monkeypatch, "warmup", "GRU-6", "--inputs", inputs(), *FAST, "--lr", 0.1)
    cold = module_from_spec("GRU-6", 2)
    warm = module_from_spec("GRU-6", 2)
    warm.load_state_dict(load_file("GRU-6-warmup/warmed.safetensors"))
    for when, module in (("before", cold), ("after", warm)):
        stored = rd.load(f"GRU-6-warmup/{when}.safetensors")
        direct = rd.reachability(rd.as_map(module), np.load("x.npy"), n=8, horizons=(0, 200))
        assert torch.equal(stored.starts, direct.starts)
        assert torch.equal(stored.inputs, direct.inputs)
        assert stored.vaa == direct.vaa


def test_the_same_seed_gives_the_same_bytes(capsys, monkeypatch) -> None:
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run_command(capsys, monkeypatch, "warmup", "LSTM-4", *FAST, "--seed", seed, "--out", out)[0] == 0
    a, b, c = (Path(out, "warmed.safetensors").read_bytes() for out in "abc")
    assert a == b != c


def test_default_inputs_are_gaussian_and_said_to_be(capsys, monkeypatch) -> None:
    code, out, _ = run_command(capsys, monkeypatch, "warmup", "RNN-4", *FAST, "--input-size", 3)
    assert code == 0
    assert "1024 sequences of 50 steps (Gaussian inputs, as in the copy task)" in out
    assert load_file("RNN-4-warmup/warmed.safetensors")["weight_ih_l0"].shape == (4, 3)


def test_only_the_first_of_cells_side_by_side_is_warmed(capsys, monkeypatch) -> None:
    for out, options, moved in (
        ("first", (), "0"),
        ("second", ("--cells", 1), "1"),
        ("b", ("--cells", 0, "--cells", 1), "01"),
    ):
        code, _, err = run_command(
            capsys, monkeypatch, "warmup", "GRU+GRU-6x2", "--inputs", inputs(), *FAST, *options, "--out", out
        )
        assert (code, err) == (0, "")
        cold = module_from_spec("GRU+GRU-6x2", 2).state_dict()
        warm = load_file(f"{out}/warmed.safetensors")
        changed = {key.split(".")[2] for key in cold if not torch.equal(cold[key], warm[key])}
        assert changed == set(moved)


def test_options_reach_warm_up(capsys, monkeypatch) -> None:
    options = ("--lr", 0.05, "--target", 0.8, "--clip-norm", 0.5, "--no-trajectories", "--fixed-horizon")
    code, out, _ = run_command(capsys, monkeypatch, "warmup", "MGU-5", "--inputs", inputs(), *FAST, *options)
    assert code == 0
    stored = rd.load("MGU-5-warmup/warmup.safetensors")
    direct = warm_up(
        module_from_spec("MGU-5", 2),
        np.load("x.npy"),
        4,
        0.05,
        8,
        0.8,
        horizon=Horizon(10, 0, 10, random=False),
        through_trajectories=False,
        clip_norm=0.5,
    )
    assert torch.equal(stored.soft_vaas, direct.soft_vaas)
    assert stored.horizons.tolist() == [10] * 4
    assert (stored.target, stored.n) == (0.8, 8)
    assert "4 of 4 updates made" in out


# A checkpoint


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_checkpoint_is_written_again_with_all_else_as_it_was(capsys, monkeypatch, suffix) -> None:
    module = model()
    state = module.state_dict()
    path = Path(f"model{suffix}")
    if suffix == ".pt":
        torch.save({"epoch": 3, "net": {"state": state}}, path)
    else:
        save_file(state, path, {"note": "kept"})
    code, out, err = run_command(capsys, monkeypatch, "warmup", path, "--inputs", inputs(), *FAST)
    assert (code, err) == (0, "")
    assert "Read GRU, 2 layers of 6 units, 2 inputs, at 'encoder.'" in out
    folder = Path("model-warmup")
    assert {file.name for file in folder.iterdir()} == FILES | {f"model-warmed{suffix}"}
    written = folder / f"model-warmed{suffix}"
    if suffix == ".pt":
        root = torch.load(written, weights_only=True)
        assert root["epoch"] == 3
        warm = root["net"]["state"]
    else:
        warm = load_file(written)
    expected = model()
    warm_up(expected.encoder, np.load("x.npy"), 4, batch_size=8, horizon=Horizon(longest=10))
    for (
        key,
        weight,
    ) in expected.state_dict().items():  # up to how far matrix products depend on where a file's bytes lie
        torch.testing.assert_close(warm[key], weight, rtol=1e-4, atol=1e-5)
    for key in ("readout.weight", "readout.bias", "count"):
        assert torch.equal(warm[key], state[key])
    model().load_state_dict(warm)
    assert not torch.equal(warm["encoder.weight_hh_l1"], state["encoder.weight_hh_l1"])
    assert torch.equal(read_checkpoint(path).network.layers[0].weights()["weight_hh"], state["encoder.weight_hh_l0"])


def test_a_format_that_refuses_the_weights_does_not_lose_them(capsys, monkeypatch) -> None:
    state = model().state_dict()
    state = {key: weight.half() if weight.is_floating_point() else weight for key, weight in state.items()}
    state["encoder.weight_hh_l1"] = state["encoder.weight_hh_l0"]  # tied, but warmed apart, as both are read in float32
    torch.save(state, "tied.pt")
    code, out, err = run_command(capsys, monkeypatch, "warmup", "tied.pt", "--inputs", inputs(), *FAST)
    assert code == 1
    assert "shares its memory" in err
    assert "warmed_weights.safetensors" in err
    assert "attractors really reached" in out
    weights = load_file("tied-warmup/warmed_weights.safetensors")
    assert "encoder.weight_hh_l1" in weights
    assert not torch.equal(weights["encoder.weight_hh_l1"], weights["encoder.weight_hh_l0"])
    assert (Path("tied-warmup") / "after.safetensors").exists()


# What goes wrong


def _saved(name: str, array) -> str:
    np.save(name, array)
    return name


@pytest.mark.parametrize(
    ("arguments", "sentences"),
    [
        (lambda: ["GRUU-64x2"], ["neither a file nor a network", ".safetensors", "GRU-64x2", "nBRC"]),
        (lambda: ["missing.pt"], ["'missing.pt' is neither a file nor a network by name"]),
        (lambda: ["GRU-0"], ["neither a file nor"]),
        (lambda: ["GRU-4x0"], ["neither a file nor"]),
        (lambda: ["GRU+GRU-1"], ["neither a file nor"]),
        (lambda: ["model.pt", "--inputs", _saved("w.npy", np.zeros((4, 5, 7)))], ["w.npy must have 2 inputs", "got 7"]),
        (lambda: ["model.pt", "--input-size", 5], ["--input-size must have 2 inputs", "got 5"]),
        (lambda: ["GRU-4", "--inputs", _saved("w.npy", np.zeros((4, 5, 7))), "--input-size", 2], ["has 7 inputs"]),
        (lambda: ["GRU-4", "--inputs", _saved("w.npy", np.full((4, 5, 1), np.nan))], ["must be finite"]),
        (lambda: ["GRU-4", "--inputs", _saved("w.npy", np.zeros(4))], ["[batch, time, m], got [4]"]),
        (lambda: ["GRU-4", "--inputs", _saved("w.npy", np.zeros((1, 5, 1)))], ["2 sequences or more"]),
        (lambda: ["GRU-4", "--inputs", "none.npy"], ["cannot read none.npy"]),
        (lambda: ["model.pt", "--prefix", "decoder"], ["decoder", "encoder"]),
        (lambda: ["GRU-4", "--prefix", "encoder"], ["--prefix is for a checkpoint"]),
        (lambda: ["GRU-4", "--batch-size", 1], ["--batch-size must be 2 or more"]),
        (lambda: ["GRU-4", "--lr", -1], ["--lr must be positive"]),
        (lambda: ["GRU-4", "--target", 2], ["target must lie in (0, 1]"]),
        (lambda: ["GRU-4", "--clip-norm", 0], ["--clip-norm must be positive"]),
        (lambda: ["GRU+GRU-4", "--cells", 5], ["cells must name some of the 2 cells"]),
        (lambda: ["GRU-4", "--cells", 5], ["--cells is for cells side by side"]),
        (lambda: ["GRU-4", "--out", "model.pt/below"], ["cannot write to the folder"]),
        (lambda: ["chrono-4", "--t-max", 2], ["--t-max must be above 2"]),
        (lambda: ["GRU-4", "--nonlinearity", "relu"], ["is for RNN cells"]),
        (lambda: ["RNN-4", "--nonlinearity", "sine"], ["--nonlinearity must be"]),
        (lambda: ["."], ["cannot read"]),
    ],
)
def test_a_mistake_is_one_sentence(capsys, monkeypatch, arguments, sentences) -> None:
    torch.save(model().state_dict(), "model.pt")
    code, out, err = run_command(capsys, monkeypatch, "warmup", *arguments())
    assert code == 1
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    for sentence in sentences:
        assert sentence in err
    assert "Traceback" not in out + err
    assert "measuring" not in out  # before the work, not after it


@pytest.mark.parametrize(
    "arguments", [[], ["GRU-4", "--steps", "0"], ["GRU-4", "--horizon", "x"], ["GRU-4", "--n", "1"]]
)
def test_usage_errors_exit_with_2(capsys, monkeypatch, arguments) -> None:
    code, out, err = run_command(capsys, monkeypatch, "warmup", *arguments)
    assert code == 2
    assert "Usage" in out + err


def test_help_teaches(capsys, monkeypatch) -> None:
    code, out, _ = run_command(capsys, monkeypatch, "warmup", "--help")
    assert code == 0
    text = " ".join(out.split())
    for phrase in (
        "CHECKPOINT|SPEC",
        "GRU-64x2",
        "nBRC",
        "--no-trajectories",
        "--fixed-horizon",
        "--measure-horizon",
        "--clip-norm",
        "--t-max",
        "Gaussian inputs, as in the copy task",
        "beside what VAA claims",
        "NAME-warmup",
    ):
        assert phrase in text
    assert "rnn-dynamics warmup GRU-64x2" in run_command(capsys, monkeypatch, "--help")[1]


def test_a_gradient_that_explodes_is_said_and_nothing_is_lost(capsys, monkeypatch) -> None:
    code, out, err = run_command(
        capsys, monkeypatch, "warmup", "RNN-6", "--nonlinearity", "relu", "--inputs", inputs(), *FAST, "--lr", 1e6
    )
    assert (code, err) == (0, "")
    assert "Warmup ended early: a loss or gradient was not finite, after 1 update" in out
    assert "try --clip-norm 1.0, an --lr below 1e+06, or a --horizon below 10" in out
    assert {path.name for path in Path("RNN-6-warmup").iterdir()} == FILES | {"warmed.safetensors"}
    assert rd.load("RNN-6-warmup/warmup.safetensors").status == "not finite"


def test_states_that_overflow_from_the_start(capsys, monkeypatch) -> None:
    cold = module_from_spec("RNN-6", 2, nonlinearity="relu")
    with torch.no_grad():
        cold.weight_hh_l0.fill_(1e5)
        cold.weight_ih_l0.fill_(1.0)
    torch.save(cold.state_dict(), "relu.pt")
    code, out, err = run_command(
        capsys, monkeypatch, "warmup", "relu.pt", "--nonlinearity", "relu", "--inputs", inputs(), *FAST
    )
    assert (code, err) == (0, "")
    assert "not finite, before the first update" in out
    assert "nothing was changed" in out
    assert "--no-trajectories" in out
    assert "Cannot measure before: " in out
    assert "Cannot measure after: " in out
    assert same(torch.load("relu-warmup/relu-warmed.pt", weights_only=True), cold.state_dict())


def test_ctrl_c_keeps_what_is_done(capsys, monkeypatch) -> None:
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    module = import_module("rnn_dynamics.cli.warmup")
    monkeypatch.setattr(module, "reachability", interrupted)
    code, out, _ = run_command(capsys, monkeypatch, "warmup", "GRU-4", *FAST)
    assert code == 130
    assert "Interrupted while measuring; the warmed network is whole" in out
    assert {path.name for path in Path("GRU-4-warmup").iterdir()} == {
        "warmed.safetensors",
        "warmup.safetensors",
        "warmup.csv",
        "warmup.pdf",
        "warmup.png",
    }


def test_ctrl_c_during_warmup_is_said_and_measured(capsys, monkeypatch) -> None:
    module = import_module("rnn_dynamics.cli.warmup")

    def stopped(*args, **options):
        def stop(step, module, **values):
            if step == 2:
                raise KeyboardInterrupt

        return warm_up(*args, callback=stop, **options)

    monkeypatch.setattr(module, "warm_up", stopped)
    code, out, _ = run_command(capsys, monkeypatch, "warmup", "GRU-4", *FAST)
    assert code == 130
    assert "Interrupted, after 3 updates." in out
    assert "attractors really reached" in out
    assert {path.name for path in Path("GRU-4-warmup").iterdir()} == FILES | {"warmed.safetensors"}


@pytest.mark.parametrize("claimed", [8.0, 1.0])
def test_claim_and_truth_are_set_against_each_other(capsys, monkeypatch, claimed) -> None:
    real = rd.reachability

    def told(*args, **options):
        reach = real(*args, **options)
        reach.vaas.fill_(claimed / 8)
        return reach

    monkeypatch.setattr(import_module("rnn_dynamics.cli.warmup"), "reachability", told)
    _, out, _ = run_command(capsys, monkeypatch, "warmup", "GRU-4", *FAST)
    assert ("VAA stands for 8 attractors; there is 1 fixed point." in out) == (claimed == 8)


# Networks by name


@pytest.mark.parametrize(
    ("text", "kind"),
    [("RNN-4", nn.RNN), ("lstm-4x2", nn.LSTM), ("GRU-4", nn.GRU), ("mgu-4", MGU), ("BRC-4", BRC), ("NBRC-4", NBRC)],
)
def test_names_give_modules(text, kind) -> None:
    module = module_from_spec(text, 3, seed=5)
    assert type(module) is kind
    assert (module.input_size, module.hidden_size) == (3, 4)
    assert same(module.state_dict(), module_from_spec(text, 3, seed=5).state_dict())
    assert not same(module.state_dict(), module_from_spec(text, 3, seed=6).state_dict())
    Path("w.safetensors").unlink(missing_ok=True)
    save_file(module.state_dict(), "w.safetensors")
    assert read_checkpoint("w.safetensors").cell == str(Specification.parse(text)).split("-")[0]


def test_side_by_side_cells_share_the_units() -> None:
    module = module_from_spec("GRU+chrono-7x2", 3, t_max=50)
    assert isinstance(module, Parallel)
    assert module.split == (3, 4)
    for row in module.parallel:
        assert [type(cell) for cell in row] == [nn.GRU, nn.LSTM]
        forget = row[1].bias_ih_l0.detach()[4:8]
        assert (forget >= 0).all()
        assert (forget <= np.log(49)).all()


def test_chrono_is_an_lstm_with_long_memories() -> None:
    module = module_from_spec("chrono-32", t_max=600)
    forget = module.bias_ih_l0.detach()[32:64]
    assert 3 < float(forget.max()) <= np.log(599)
    assert torch.equal(module.bias_ih_l0.detach()[:32], -forget)


@pytest.mark.parametrize(
    "text", ["", "GRU", "GRU-", "GRU-4x", "GRU4x2", "-4", "+GRU-4", "GRU-4x2x2", "GRU--4", "٣-4", None]
)
def test_other_names_are_refused(text) -> None:
    with pytest.raises(ValueError, match="is no network by name: CELL-UNITS"):
        Specification.parse(text)


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_input_sizes_are_checked(size) -> None:
    with pytest.raises(ValueError, match="input_size must be a whole number of 1 or more"):
        module_from_spec("GRU-4", size)


# Planted instead


def test_planting_writes_the_network_and_its_blocks(capsys, monkeypatch) -> None:
    options = ("--n", 8, "--measure-horizon", 200, "--blocks", 6, "--input-scale", 0.2)
    code, out, err = run_command(capsys, monkeypatch, "warmup", "GRU-12", "--inputs", inputs(), "--plant", *options)
    assert (code, err) == (0, "")
    folder = Path("GRU-12-warmup")
    made = {"planting.safetensors", "planting.csv", "warmed.safetensors", "before.safetensors", "after.safetensors"}
    assert {path.name for path in folder.iterdir()} == made | {"outcome.pdf", "outcome.png"}
    expected = module_from_spec("GRU-12", 2)
    planting = rd.plant(expected, np.load("x.npy"), blocks=6, input_scale=0.2, n=8)
    assert same(load_file(folder / "warmed.safetensors"), expected.state_dict())
    assert torch.equal(rd.load(folder / "planting.safetensors").margins, planting.margins)
    assert len(pd.read_csv(folder / "planting.csv")) == 6
    before, after = (rd.load(folder / f"{when}.safetensors") for when in ("before", "after"))
    assert before.count == 1 < after.count
    for phrase in ("Planted 6 blocks, 2^6 attractors without input", "8 states reach", "attractors really reached"):
        assert phrase in out
    assert "updates" not in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--plant", "--steps", 4, "--lr", 0.1), "--steps and --lr set updates, which --plant makes none of"),
        (("--blocks", 4), "--blocks can be given with --plant only"),
        (("--plant", "--blocks", 40), "--blocks must be at most the units of each cell, 6, got 40"),
    ],
)
def test_options_of_the_other_way_are_refused(capsys, monkeypatch, options, message) -> None:
    code, _, err = run_command(capsys, monkeypatch, "warmup", "GRU-6", *options)
    assert code == 1
    assert message in " ".join(err.split())
