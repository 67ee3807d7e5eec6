"""Counted draws: random number ``n`` of a row is a hash of the row's seed and ``n``, alike in Python and in a batch.

So a row draws the same numbers whatever other rows are beside it, on every device, one at a time or thousands at once,
and what is to be kept for an exact resume is a seed and a count.

    key = mix(seed),    z_n = mix(key + n g),    u_n = (z_n >> 11) / 2^53

with the finaliser ``mix`` and the increment g of SplitMix64 (Steele, Lea & Flood 2014), modulo 2^64.
"""

import torch
from torch import Tensor

_ALL = 2**64 - 1
_INCREMENT = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_UNIT = 2.0**-53


def key_of(seed: int) -> int:
    """The key of a stream of draws, 64 bits."""
    return _mix(seed)


def uniform(key: int, count: int) -> float:
    """Draw number ``count`` of a stream, in [0, 1)."""
    return (_mix(key + count * _INCREMENT) >> 11) * _UNIT


def _mix(z: int) -> int:
    z &= _ALL
    z = (z ^ (z >> 30)) * _FIRST & _ALL
    z = (z ^ (z >> 27)) * _SECOND & _ALL
    return z ^ (z >> 31)


def keys_of(seeds: Tensor) -> Tensor:
    """``key_of`` for each of many seeds, int64."""
    return _mixed(seeds)


def uniforms(keys: Tensor, counts: Tensor) -> Tensor:
    """``uniform`` for each of many streams, float64."""
    z = _mixed(keys + counts * signed(_INCREMENT))
    return _shifted(z, 11).double() * _UNIT


def _mixed(z: Tensor) -> Tensor:
    """Products of int64 are modulo 2^64, as those above; only shifts must be told to bring in zeros."""
    z = (z ^ _shifted(z, 30)) * signed(_FIRST)
    z = (z ^ _shifted(z, 27)) * signed(_SECOND)
    return z ^ _shifted(z, 31)


def _shifted(z: Tensor, bits: int) -> Tensor:
    return torch.bitwise_and(z >> bits, (1 << (64 - bits)) - 1)


def signed(number: int) -> int:
    """The last 64 bits of a whole number, as int64 has them."""
    return (number + 2**63) % 2**64 - 2**63
