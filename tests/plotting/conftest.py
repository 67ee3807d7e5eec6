"""What holds round every test of a picture."""

import pytest


@pytest.fixture(autouse=True)
def _around_every_picture(plot_settings_are_left_alone: None) -> None: ...
