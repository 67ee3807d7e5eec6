"""Homoclinic orbits of Henon's map, and their tangencies against the proved value."""

import doors
import pytest
import torch

import rnn_dynamics as rd


def test_orbits_leave_the_saddle_and_come_back() -> None:
    found = doors.connections()
    assert len(found) == 3
    assert found.homoclinic
    system = doors.henon(1.31)
    for orbit in found.orbits:
        assert float((system(orbit[:-1]) - orbit[1:]).norm(dim=-1).max()) < 1e-10
        assert float((orbit[0] - found.source).norm()) <= 1e-5
        assert float((orbit[-1] - found.source).norm()) <= 1e-5
        assert float((orbit - found.source).norm(dim=-1).max()) > 1.0
    assert float(found.transversality.min()) > 0.05


def test_two_orbits_meet_at_a_tangency() -> None:
    branch = doors.connected()
    (touch,) = branch.tangencies
    assert touch.parameter == pytest.approx(1.3050454648, abs=1e-9)
    assert touch.angle < 1e-5
    assert float(branch.parameters.min()) == pytest.approx(touch.parameter, abs=1e-4)
    assert branch.ends == ("span", "span")


@pytest.mark.slow
def test_the_tangency_of_the_proved_interval() -> None:
    """Arai and Mischaikow 2006, doi:10.1137/050626429: b = 0.3, a in [1.392419807915, 1.392419807931]."""
    found = rd.connecting_orbits(doors.henon(1.4), doors.HENON_SADDLE, length=6.0, most=6)
    near = [row for row in found if float(row.transversality) < 0.2]
    assert near
    branch = rd.continue_connection(doors.henon, near[0], (1.39, 1.41), at=1.4)
    assert 1.3924198079 < branch.tangencies[0].parameter < 1.39241980794


@pytest.mark.slow
def test_tangencies_over_two_parameters() -> None:
    curve = doors.touching()
    assert float(curve.angles.max()) < 1e-5
    row = int((curve.parameters[:, 1] - 0.3).abs().argmin())
    assert float(curve.parameters[row, 0]) == pytest.approx(1.3050454648, abs=1e-8)
    assert len(curve) > 3


def test_what_does_not_fit_is_refused() -> None:
    saddle = rd.as_map(lambda h, _: h * torch.tensor([2.0, 0.5, 0.3]).to(h), 3, 0).hold()
    with pytest.raises(ValueError, match="guesses are needed for states of size 3"):
        rd.connecting_orbits(saddle, [0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="orbit must be one row"):
        rd.continue_connection(doors.henon, doors.connections(), (1.3, 1.4), at=1.31)
