"""Every analysis on a device that is pretended: nothing is mixed, and what comes out is what the host gives."""

import numpy as np
import pytest
from elsewhere.calls import CALLS, numbers
from elsewhere.pretended import NAME, PretendedDevice


@pytest.mark.parametrize("name", CALLS)
def test_elsewhere_as_on_the_host(name: str) -> None:
    host = numbers(CALLS[name]("cpu"))
    with PretendedDevice():
        there = numbers(CALLS[name](NAME))
    assert there.keys() == host.keys()
    for field, value in host.items():
        np.testing.assert_allclose(there[field], value, atol=1e-7, rtol=1e-7, err_msg=field)
