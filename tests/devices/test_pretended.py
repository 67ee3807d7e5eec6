"""Every analysis on a device that is pretended: nothing is mixed, and what comes out is what the host gives."""

import pytest
from elsewhere.calls import CALLS, assert_alike
from elsewhere.pretended import NAME, PretendedDevice


@pytest.mark.parametrize("name", CALLS)
def test_elsewhere_as_on_the_host(name: str) -> None:
    with PretendedDevice():
        there = CALLS[name](NAME)
        assert_alike(there, CALLS[name]("cpu"))
