"""What holds round every test of a picture."""

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def _settings_are_left_alone() -> Iterator[None]:
    """No plot may change the caller's settings, and no test may leave figures behind."""
    plt.switch_backend("agg")
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before
    assert not plt.isinteractive()
