"""Analyses in float32 on a GPU do without TF32, and leave torch's settings as they were."""

import pytest
import torch

from rnn_dynamics.linear_algebra import _tf32_settings, without_tf32

GPU = torch.device("cuda")


def settings() -> list[object]:
    return [getattr(place, name) for place, name, _ in _tf32_settings()]


def test_tf32_is_off_and_then_as_it_was() -> None:
    before = settings()
    with without_tf32(GPU, torch.float32):
        assert settings() == [exact for _, _, exact in _tf32_settings()]
    assert settings() == before
    with pytest.raises(KeyError), without_tf32(GPU, torch.float32):
        raise KeyError
    assert settings() == before


def test_a_caller_who_turned_it_on_finds_it_on() -> None:
    matmul, before = torch.backends.cuda.matmul, torch.backends.cuda.matmul.allow_tf32
    try:
        matmul.allow_tf32 = True
        with without_tf32(GPU, torch.float32):
            assert settings() == [exact for _, _, exact in _tf32_settings()]
        assert matmul.allow_tf32  # in the older words too, which torch refuses to read where both disagree
    finally:
        matmul.allow_tf32 = before


@pytest.mark.parametrize(("device", "dtype"), [("cpu", torch.float32), ("cuda", torch.float64)])
def test_nothing_is_set_where_nothing_is_rounded(device: str, dtype: torch.dtype) -> None:
    before = settings()
    with without_tf32(torch.device(device), dtype):
        assert settings() == before
