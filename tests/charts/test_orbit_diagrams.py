"""Orbit diagrams of the logistic map: its cascade, its window of period 3, and ln 2 at its end."""

import math

import pytest
import torch

import rnn_dynamics as rd
from rnn_dynamics.charts import Conduct, Watch

LOGISTIC = rd.as_map(lambda h, x: x * h * (1 - h), 1, 1)
WATCH = Watch(transient=1000, steps=512, max_steps=4096, max_period=32)


def test_the_cascade_doubles_where_it_is_known_to() -> None:
    """At 3, 1 + sqrt 6 and 3.5441; chaos is at 3.7, period 3 from 1 + sqrt 8."""
    diagram = rd.orbit_diagram(LOGISTIC.input_family(0), [0.3], (2.9, 3.9), resolution=101, samples=16, watch=WATCH)
    changes = diagram.changes()
    first = changes[changes.period_before.isin([1, 2]) & changes.period_after.isin([2, 4])].head(2)
    for known, row in zip((3.0, 1 + math.sqrt(6)), first.itertuples(), strict=True):
        assert row.before - 1e-9 <= known <= row.after + 1e-9
    values = diagram.parameters.tolist()
    periods, conducts = diagram.periods[:, 0].tolist(), diagram.conducts[:, 0].tolist()
    assert conducts[80] == Conduct.CHAOTIC  # 3.7
    window = [row for row, r in enumerate(values) if 1 + math.sqrt(8) < r < 3.8415]
    assert window
    assert {periods[row] for row in window} == {3}
    for row, r in enumerate(values):
        if periods[row] == 2 and r < 1 + math.sqrt(6):  # in closed form
            ends = sorted((1 + r + sign * math.sqrt((r - 3) * (r + 1))) / (2 * r) for sign in (-1, 1))
            seen = diagram.samples[row, 0]
            if abs(r - 3) > 0.02:
                assert [float(seen.min()), float(seen.max())] == pytest.approx(ends, abs=1e-5)
                assert float(diagram.exponents[row, 0]) == pytest.approx(
                    0.5 * math.log(abs(4 + 2 * r - r * r)), abs=1e-4
                )


def test_at_4_the_exponent_is_ln_2() -> None:
    diagram = rd.orbit_diagram(
        LOGISTIC.input_family(0), [0.3], (3.9, 4.0), resolution=2, watch=Watch(steps=4000, max_steps=4000)
    )
    assert float(diagram.exponents[1, 0]) == pytest.approx(math.log(2), abs=4 * float(diagram.errors[1, 0]) + 1e-3)


def test_every_map_alone_says_the_same_as_all_at_once() -> None:
    plain = rd.orbit_diagram(lambda r: LOGISTIC.hold([r]), [0.3], (3.0, 3.5), resolution=5, samples=8, watch=WATCH)
    batched = rd.orbit_diagram(LOGISTIC.input_family(0), [0.3], (3.0, 3.5), resolution=5, samples=8, watch=WATCH)
    assert torch.equal(plain.periods, batched.periods)
    assert torch.equal(plain.samples, batched.samples)


def test_ctrl_c_keeps_the_values_that_are_done() -> None:
    def family(r: float) -> rd.AutonomousMap:
        if r > 3.3:
            raise KeyboardInterrupt
        return LOGISTIC.hold([r])

    part = rd.orbit_diagram(family, [0.3], (3.0, 3.5), resolution=6, samples=4, watch=WATCH)
    assert part.interrupted
    assert part.done.tolist() == [True] * 4 + [False] * 2  # 3.3 itself is not beyond it
    assert len(part.to_pandas()) == int(part.done.sum())


def test_a_coordinate_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="coordinate must be below 1, got 1"):
        rd.orbit_diagram(LOGISTIC.input_family(0), [0.3], (3.0, 3.5), coordinate=1)
