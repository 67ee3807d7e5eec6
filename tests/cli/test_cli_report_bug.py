"""A bug report describes the network and gives none of its numbers away."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from command import run_command
from safetensors.torch import save_file
from torch import Tensor, nn

import rnn_dynamics as rd
from rnn_dynamics.report import bug_report

NUMBER = re.compile(r"[-+]?\d*\.?\d+(?:e[-+]?\d+)?")


def numbers_of_weights(text: str, weights: list[Tensor]) -> set[str]:
    """What in a text is a weight, to three digits; versions are no numbers of a network."""
    body = text.partition("### Versions")[2].partition("\n\n")[2]
    written = {token for token in NUMBER.findall(body) if "." in token or "e" in token}
    values = torch.cat([weight.detach().double().flatten() for weight in weights])
    return {token for token in written if ((values - float(token)).abs() <= 1e-3 * values.abs()).any()}


def odd(make: Callable[[], nn.Module]) -> nn.Module:
    """A module all weights of which are different, and none of them small or whole."""
    with torch.random.fork_rng():
        module = make()
    with torch.no_grad():
        for place, weight in enumerate(module.parameters()):
            weight.copy_(0.1237 + 0.0101 * torch.arange(weight.numel()).reshape(weight.shape) + 0.00137 * place)
    return module


def test_the_report_of_a_file_has_no_weight_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = odd(lambda: nn.GRU(2, 3))
    save_file(module.state_dict(), tmp_path / "model.safetensors")
    code, out, _ = run_command(
        capsys, monkeypatch, "report-bug", tmp_path / "model.safetensors", "--cell", "gru", "--out", tmp_path / "bug.md"
    )
    text = (tmp_path / "bug.md").read_text()
    assert code == 0
    assert text.strip() in out
    assert numbers_of_weights(text, list(module.parameters())) == set()
    for told in ("rnn_dynamics 0.", "torch 2.", "--cell: GRU", "GRU, 1 layer of 3 units, 2 inputs", "GRULayer"):
        assert told in text, told
    assert "weight_hh_l0: [9, 3] torch.float32" in text
    assert "sigmoid" in text.partition("### Operations")[2]
    assert str(tmp_path) not in text


def test_the_check_itself_finds_a_weight() -> None:
    assert numbers_of_weights("### Versions\n\n- alpha .1237", [torch.tensor([0.1237])]) == {".1237"}


class Leaky(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 3)
        self.alpha = 0.4321

    def forward(self, input: Tensor, state: Tensor) -> Tensor:
        return (1 - self.alpha) * state + self.alpha * torch.tanh(self.inner(state) + input)


def test_literals_of_a_step_of_ones_own_stay_at_home() -> None:
    module = odd(Leaky)
    text = bug_report(rd.as_map(module, state_size=3, input_size=3))
    assert numbers_of_weights(text, [*module.parameters(), torch.tensor([0.4321, 1 - 0.4321])]) == set()
    assert "tanh" in text
    assert "inner.weight: [3, 3]" in text


def test_what_is_no_network_is_told_with_its_refusal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"weight": torch.tensor([[0.1237, 0.5]])}, tmp_path / "model.pt")
    code, _, _ = run_command(capsys, monkeypatch, "report-bug", tmp_path / "model.pt", "--out", tmp_path / "bug.md")
    text = (tmp_path / "bug.md").read_text()
    assert code == 0
    assert "### Refused" in text
    assert "0.1237" not in text
