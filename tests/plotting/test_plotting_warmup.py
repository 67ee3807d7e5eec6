"""Figures of warmup, by what their artists hold."""

from dataclasses import replace
from functools import cache
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from artists import legend_texts, line, path

import rnn_dynamics as rd
from rnn_dynamics.cells import module_from_spec
from rnn_dynamics.multistability import Reachability
from rnn_dynamics.plotting import figure, plot_warmup, plot_warmup_outcome, save_figure, style
from rnn_dynamics.warmup import Warmup


def history(layers: int = 2, steps: int = 12) -> Warmup:
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(steps, layers, generator=generator, dtype=torch.float64)
    horizons = torch.randint(1, 30, (steps,), generator=generator)
    norms = torch.rand(steps, generator=generator, dtype=torch.float64)
    return Warmup(values, (values - 0.9).square().mean(dim=1), norms, horizons, 8, 0.9, "finished")


@cache
def reaches() -> tuple[Reachability, Reachability]:
    x = torch.randn(20, 10, 1, generator=torch.Generator().manual_seed(0))
    first, second = (
        rd.reachability(rd.as_map(module_from_spec(text)), x, n=16, horizons=(0, 1, 10, 100))
        for text in ("GRU-4", "RNN-6")
    )
    return first, second


def test_each_layer_is_a_line_of_its_own_colour_and_dashes() -> None:
    warmup = history()
    ax = plot_warmup(warmup)
    for index in range(2):
        drawn = path(ax, f"layer {index + 1}")
        np.testing.assert_array_equal(drawn, np.stack([np.arange(12), warmup.soft_vaas[:, index].numpy()], axis=1))
        assert line(ax, f"layer {index + 1}").get_color() == style.qualitative(index)
        assert line(ax, f"layer {index + 1}").get_linestyle() == ("-", "-.")[index]
    assert legend_texts(ax) == ["layer 1", "layer 2", "target 0.9", "held steps M"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("update", "VAA* of n = 8 states")
    target = line(ax, "target 0.9")
    assert list(target.get_ydata()) == [0.9, 0.9]
    assert (target.get_linestyle(), target.get_linewidth()) == ("--", style.THIN)


def test_one_layer_is_one_line() -> None:
    assert legend_texts(plot_warmup(history(1))) == ["VAA*", "target 0.9", "held steps M"]


def test_held_steps_are_behind_on_an_axis_at_the_right() -> None:
    warmup = history()
    ax = plot_warmup(warmup)
    (behind,) = (other for other in ax.figure.axes if other.get_ylabel() == "held steps M")
    assert behind.yaxis.get_label_position() == "right"
    assert ax.get_zorder() > behind.get_zorder()
    (area,) = behind.collections
    corners = area.get_paths()[0].vertices
    assert corners[:, 1].max() == warmup.horizons.max()
    heights = set(np.unique(corners[:, 1])) - {0}
    assert heights == set(warmup.horizons.tolist())


def test_gradient_norms_have_a_panel_in_a_new_figure_only() -> None:
    warmup = history()
    ax = plot_warmup(warmup)
    (right,) = (other for other in ax.figure.axes if other.get_ylabel() == "norm of the gradient")
    np.testing.assert_array_equal(path(right, "gradient norm")[:, 1], warmup.gradient_norms.numpy())
    assert right.get_yscale() == "log"
    assert legend_texts(right) == []
    own = plt.figure().subplots()
    assert plot_warmup(warmup, own) is own
    assert len(own.figure.axes) == 2  # its twin for M


def test_gradients_that_vanish_are_crosses_at_the_foot() -> None:
    warmup = history()
    norms = warmup.gradient_norms.clone()
    norms[[3, 7]] = 0
    ax = plot_warmup(replace(warmup, gradient_norms=norms))
    (right,) = (other for other in ax.figure.axes if other.get_ylabel() == "norm of the gradient")
    assert path(right, "exactly 0 (2)")[:, 0].tolist() == [3, 7]
    assert legend_texts(right) == ["gradient norm", "exactly 0 (2)"]
    ax.figure.canvas.draw()
    plot_warmup(replace(warmup, gradient_norms=torch.zeros_like(norms))).figure.canvas.draw()


def test_no_update_is_said_in_words(tmp_path) -> None:
    ax = plot_warmup(history(steps=0))
    assert "no update was made" in legend_texts(ax)
    assert all(file.stat().st_size > 1000 for file in save_figure(ax.figure, tmp_path / "empty"))
    assert len(plot_warmup(history(steps=1)).lines) == 3


def test_legends_can_be_left_out() -> None:
    assert plot_warmup(history(), legend=False).get_legend() is None
    assert plot_warmup_outcome(*reaches(), legend=False).get_legend() is None


def test_claims_before_and_after_are_n_times_vaa() -> None:
    before, after = reaches()
    ax = plot_warmup_outcome(before, after)
    for when, reach in (("before", before), ("after", after)):
        drawn = path(ax, f"claimed {when}: n · VAA")
        np.testing.assert_allclose(drawn[:, 1], 16 * reach.vaas[0].numpy())
        assert drawn[:, 0].tolist() == [0, 1, 10, 100]
    assert (ax.get_xscale(), ax.get_yscale()) == ("symlog", "log")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("horizon M (steps)", "number of attractors")
    assert "n = 16: no two states are one" in [text.get_text() for text in ax.texts]


def test_true_counts_are_level_lines_that_show_through_each_other() -> None:
    before, _ = reaches()
    ax = plot_warmup_outcome(before, before)
    (kind,) = before.counts
    early, late = (line(ax, f"reached {when}: {before.count:g} {kind}") for when in ("before", "after"))
    assert list(early.get_ydata()) == list(late.get_ydata()) == [before.count, before.count]
    assert early.get_linewidth() > late.get_linewidth()
    assert early.get_zorder() < late.get_zorder()
    assert early.get_color() != late.get_color()


def test_nothing_reached_is_no_error() -> None:
    before, after = reaches()
    found = after.attractors[0]
    none = replace(
        found,
        kinds=(),
        orbits=(),
        evidence=(),
        states=found.states[:0],
        periods=found.periods[:0],
        labels=torch.full_like(found.labels, -1),
        fates=torch.ones_like(found.fates),
    )
    ax = plot_warmup_outcome(before, replace(after, attractors=(none,), vaas=torch.full_like(after.vaas, torch.nan)))
    assert "reached after: none" in legend_texts(ax)
    ax.figure.canvas.draw()


def test_mistakes_are_named() -> None:
    wrong: Any = 3.0
    before, after = reaches()
    with pytest.raises(ValueError, match="warmup must be the Warmup of warm_up, got float"):
        plot_warmup(wrong)
    with pytest.raises(ValueError, match="after must be the Reachability of reachability, got float"):
        plot_warmup_outcome(before, wrong)
    with pytest.raises(ValueError, match="needs an axis with projection 'rectilinear'"):
        plot_warmup(history(), figure(projection="3d")[1])
    with pytest.raises(ValueError, match="ax must be one matplotlib Axes, got float"):
        plot_warmup_outcome(before, after, wrong)
