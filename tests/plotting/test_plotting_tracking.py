"""The page of a tracked training shows what the history holds."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics.tracking import TrackingHistory

SEQUENCES = torch.randn(16, 5, 1, generator=torch.Generator().manual_seed(0))


def history(bias: tuple[float, ...] = (-1.0, -0.6, -0.2, 0.2, 0.6), **scalars: float) -> TrackingHistory:
    tracker = rd.AttractorTracker(SEQUENCES, hold=[0.0], effort=rd.Effort(n=8, horizon=20, searched=32), budget=None)
    for step, b in enumerate(bias):
        with torch.random.fork_rng():
            module = nn.RNN(1, 1, dtype=torch.float64)
        with torch.no_grad():
            module.weight_hh_l0.fill_(2.0)
            module.bias_hh_l0.fill_(b)
            module.bias_ih_l0.zero_()
            module.weight_ih_l0.fill_(1.5)
        tracker.observe(10 * step, module, **{name: value / (1 + step) for name, value in scalars.items()})
    return tracker.history


def test_four_panels_show_what_was_seen() -> None:
    seen = history(loss=1.0)
    axes = rd.plot_tracking(seen)
    assert axes[0].get_ylabel() == "loss"
    loss = axes[0].lines[0]
    assert np.allclose(loss.get_ydata(), [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    curves = {line.get_label(): line.get_ydata() for line in axes[1].lines}
    claimed = next(values for label, values in curves.items() if "n = 8, 20 steps" in str(label))
    assert np.allclose(claimed, [o.claimed for o in seen.observations])
    assert np.allclose(curves["attractors that the same states reach"], [1, 1, 2, 2, 1])
    # Two births and two deaths, at the folds; lines of saddles dashed, of nodes solid.
    fold = 2 * math.sqrt(0.5) - math.atanh(math.sqrt(0.5))
    for ax in axes[2:]:
        marks = {marker: [line for line in ax.lines if line.get_marker() == marker] for marker in "^v"}
        assert [len(lines) for lines in marks.values()] == [2, 2]
        born = [float(line.get_xdata()[0]) for line in marks["^"]]
        died = [float(line.get_xdata()[0]) for line in marks["v"]]
        assert born == pytest.approx([10 * (1 - fold) / 0.4] * 2, abs=1e-4)
        assert died == pytest.approx([10 * (1 + fold) / 0.4] * 2, abs=1e-4)
        assert {line.get_linestyle() for line in ax.lines if line.get_marker() in ("None", None)} >= {"-", "--"}
    assert all(float(line.get_ydata()[0]) == 1.0 for line in axes[2].lines if line.get_marker() in "^v")
    assert [text.get_text() for text in axes[2].get_legend().get_texts()] == ["stable", "unstable", "birth", "death"]
    plt.close(axes[0].figure)


def test_observables_scalars_and_axes_of_ones_own() -> None:
    seen = history(error=2.0)
    _, own = plt.subplots(4, 1)
    axes = rd.plot_tracking(seen, own, scalar="error", observable=0, legend=False)
    assert list(axes) == list(own)
    assert axes[0].get_ylabel() == "error"
    assert axes[3].get_ylabel() == "state of unit 0"
    heights = [y for line in axes[3].lines for y in np.atleast_1d(line.get_ydata())]
    states = torch.cat([o.sets.states[:, 0] for o in seen.observations])
    assert max(heights) == pytest.approx(float(states.max()))

    def norm(states: torch.Tensor) -> torch.Tensor:
        return states.norm(dim=-1)

    assert rd.plot_tracking(seen, observable=norm)[3].get_ylabel() == "norm"
    plt.close("all")


def test_one_observation_and_no_scalar() -> None:
    axes = rd.plot_tracking(history((0.0,)))
    assert axes[0].get_ylabel() == "(no scalar reported)"
    assert len(axes[3].lines) == 3  # a dot each
    plt.close("all")


def test_warmup_is_set_off_from_training() -> None:
    tracker = rd.AttractorTracker(SEQUENCES, hold=[0.0], effort=rd.Effort(n=8, horizon=20, searched=32), budget=None)
    with torch.random.fork_rng():
        module = nn.RNN(1, 1, dtype=torch.float64)
    for step in (-5, 0, 5):
        tracker.observe(step, module)
    axes = rd.plot_tracking(tracker.history)
    assert any(np.allclose(line.get_xdata(), 0) for line in axes[0].lines)
    plt.close("all")


def test_bad_input() -> None:
    seen = history((0.0,))
    table: list[tuple[object, dict, str]] = [
        (seen.observations, {}, "history must be the TrackingHistory"),
        (TrackingHistory(()), {}, "empty"),
        (seen, {"scalar": "loss"}, "no scalar 'loss'"),
        (seen, {"observable": 1}, "unit from 0 to 0"),
        (seen, {"observable": lambda states: states.sum()}, r"\[k, n\] to \[k\]"),
        (seen, {"axes": [1, 2, 3, 4]}, "ax must be"),
    ]
    for given, options, words in table:
        with pytest.raises(ValueError, match=words):
            rd.plot_tracking(given, **options)  # type: ignore[arg-type]
        plt.close("all")
