"""Files of every format with bytes cut off or changed: read, or refused in a sentence."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from saved import FILES
from torch import nn

from rnn_dynamics.systems import read_checkpoint

COPIES = 60


def _damaged(whole: bytes, rng: np.random.Generator, way: int) -> bytes:
    if way == 0:
        return whole[: rng.integers(1, len(whole))]
    content = bytearray(whole)
    for place in rng.integers(0, len(whole), size=rng.integers(1, 6)):
        content[place] = rng.integers(0, 256) if way == 1 else content[place] ^ (1 << rng.integers(0, 8))
    return bytes(content)


@pytest.mark.parametrize("name", [name for name in FILES if name != "folder"])
def test_damaged_files_are_read_or_refused(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        FILES[name][0](nn.GRU(3, 6), tmp_path / name)
    whole, refusals = (tmp_path / name).read_bytes(), list[str]()
    for copy in range(COPIES):
        (tmp_path / name).write_bytes(_damaged(whole, rng, copy % 3))
        try:
            read_checkpoint(tmp_path / name)
        except ValueError as error:
            refusals.append(str(error))
    assert len(refusals) >= COPIES // 4
    assert all(refusal.startswith("cannot read") and "\n" not in refusal for refusal in refusals)
