"""Every detector of the library by the contract of detectors."""

import pytest
import torch
from contracts import library_classes, signed
from contracts.detectors import DetectorContract
from problems.attractors import MOVING, PERIODIC, RESTING
from torch import Tensor

import rnn_dynamics as rd
from rnn_dynamics.attractors import AttractorKind, Evidence
from rnn_dynamics.attractors.settling.detector import Detector
from rnn_dynamics.attractors.settling.periodic import PeriodicDetector
from rnn_dynamics.attractors.settling.recurrent import RecurrentDetector
from rnn_dynamics.attractors.settling.slow import SlowDetector


class TestPeriodic(DetectorContract):
    detector, problems = PeriodicDetector, PERIODIC

    def check_evidence(self, system: rd.AutonomousMap, kind: AttractorKind, orbit: Tensor, evidence: Evidence) -> None:
        again = system.iterate(orbit[0], len(orbit))
        assert float((again - orbit[0]).norm()) == evidence.residual < 1e-10
        assert torch.allclose(system(orbit), orbit.roll(-1, dims=0), atol=1e-9)
        jacobian = torch.eye(system.state_size, dtype=torch.float64)
        for row in orbit:
            jacobian = system.jacobian(row) @ jacobian
        radius = torch.linalg.eigvals(jacobian).abs().max()
        assert float(evidence.multipliers[0].abs()) == pytest.approx(float(radius), abs=1e-9)
        assert radius < 1


class TestSlow(DetectorContract):
    detector, problems = SlowDetector, RESTING

    def check_evidence(self, system: rd.AutonomousMap, kind: AttractorKind, orbit: Tensor, evidence: Evidence) -> None:
        assert (system(orbit) - orbit).norm(dim=-1).max() < 1e-9


class TestRecurrent(DetectorContract):
    detector, problems = RecurrentDetector, MOVING

    def check_evidence(self, system: rd.AutonomousMap, kind: AttractorKind, orbit: Tensor, evidence: Evidence) -> None:
        # The samples are states of one orbit: an image is as near to the others as they are to one another.
        image = system(orbit[:-1])
        gap = torch.cdist(image, orbit).amin(dim=1).max()
        assert gap < 0.25 * torch.pdist(orbit).max()


def test_no_detector_is_left_out() -> None:
    contracts = signed(DetectorContract)
    assert {contract.detector for contract in contracts} == library_classes(Detector)
    assert {kind for contract in contracts for kind in contract.detector.kinds} == set(AttractorKind)
