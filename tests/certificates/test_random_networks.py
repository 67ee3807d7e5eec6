"""Certificates of random networks against 60 digits: none is contradicted.

A thousand of them are ``tests/benchmarks/certificates.py thousand``, which takes longer than a suite may.
"""

import pytest
from gru import contradictions


@pytest.mark.parametrize("seed", range(20))
def test_no_certificate_is_contradicted(seed: int) -> None:
    proved, wrong = contradictions(seed)
    assert proved > 0
    assert not wrong


@pytest.mark.slow
@pytest.mark.parametrize("first", range(20, 100, 20))
def test_no_certificate_of_a_hundred_networks_is_contradicted(first: int) -> None:
    for seed in range(first, first + 20):
        proved, wrong = contradictions(seed)
        assert proved > 0
        assert not wrong
