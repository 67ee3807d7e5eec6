"""Saving and restoring: npz without pickles, and FixedPointFinder's own pickles, read without running anything."""

import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from problems.torch_like import found

from rnn_dynamics.fixed_point_finder import FixedPoints
from rnn_dynamics.fixed_point_finder.inert import Refused, read_inertly

OLD: dict[str, Any] = {
    "xstar": np.arange(6, dtype=np.float32).reshape(3, 2),
    "inputs": np.ones((3, 1), dtype=">f8"),
    "F_xstar": np.asfortranarray(np.arange(6.0).reshape(3, 2)),
    "qstar": np.full(3, 1e-13),
    "n_iters": np.array([5, 6, 7]),
    "eigval_J_xstar": np.full((3, 2), 0.5 + 0.25j, dtype=np.complex64),
    "is_stable": np.array([True, False, True]),
    "J_xstar": None,
    "n": 3,
    "n_states": 2,
    "tol_unique": np.float64(0.01),
    "dtype": np.float32,
    "dtype_complex": np.complex64,
    "verbose": False,
}
"""The attributes that FixedPointFinder pickles, in the kinds that they come in."""


def _restored(path: Path, content: bytes) -> FixedPoints:
    path.write_bytes(content)
    fps = FixedPoints()
    fps.restore(path)
    return fps


def _require_old(fps: FixedPoints) -> None:
    for name, value in OLD.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(fps, name), value)
            assert getattr(fps, name).dtype == value.dtype.newbyteorder("=")
    assert (fps.n, fps.n_states, fps.n_inputs, fps.tol_unique) == (3, 2, 1, 0.01)
    assert fps.dtype is np.float32
    assert fps.J_xstar is None
    assert fps.native is None


def test_what_is_saved_is_restored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unique, _ = found("GRU-16")
    path = tmp_path / "points.any extension"
    unique.save(path)
    fps = FixedPoints(verbose=True)
    fps.restore(str(path))
    for name in ("xstar", "x_init", "qstar", "n_iters", "eigvec_J_xstar", "is_stable", "dFdu"):
        np.testing.assert_array_equal(getattr(fps, name), getattr(unique, name))
    assert (fps.n, fps.dtype, fps.tol_unique) == (27, np.float64, 1e-3)
    assert all(point in unique for point in fps)
    with np.load(path, allow_pickle=False) as file:  # any tool can read it
        assert file["xstar"].shape == (27, 16)
    assert list(tmp_path.iterdir()) == [path]
    assert capsys.readouterr().out == ""
    fps.verbose = True
    fps.save(path)
    assert "Saved 27 fixed points" in capsys.readouterr().out


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_dictionary_is_restored(protocol: int, tmp_path: Path) -> None:
    content = pickle.dumps(OLD, protocol)
    _require_old(_restored(tmp_path / "new", content))
    if protocol == 0:  # of another NumPy
        other = content.replace(b"numpy._core.", b"numpy.core.")
        _require_old(
            _restored(tmp_path / "old", other if other != content else content.replace(b"numpy.core.", b"numpy._core."))
        )


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_object_is_restored_without_its_class(
    protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = types.ModuleType("FixedPoints")
    exec("class FixedPoints(object):\n    pass", theirs.__dict__)
    monkeypatch.setitem(sys.modules, "FixedPoints", theirs)
    made = theirs.FixedPoints()
    made.__dict__.update(OLD, something_else=[1, 2, {"a": 3}])
    content = pickle.dumps(made, protocol)
    monkeypatch.delitem(sys.modules, "FixedPoints")
    _require_old(_restored(tmp_path / "points.p", content))
    assert "FixedPoints" not in sys.modules


def test_python_2_wrote_bytes_as_text(tmp_path: Path) -> None:
    array = (
        b"(dS'xstar'\ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        b"(I1\n(I1\nI2\ntcnumpy\ndtype\n(S'f4'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n"
        b"S'\\x00\\x00\\x80\\xbf\\x00\\x00\\x00@'\ntbsS'tol_unique'\nF0.001\ns."
    )
    fps = _restored(tmp_path / "points.fps", array)
    assert fps.xstar.tolist() == [[-1.0, 2.0]]
    assert fps.xstar.dtype == np.float32


RAN: list[str] = []


def run_me(word: str) -> str:
    """What a hostile pickle would call."""
    RAN.append(word)
    return word


class Hostile:
    """Pickled as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


HOSTILE = {
    "a call": pickle.dumps({"xstar": Hostile(run_me, "ran")}),
    "a system's call": b"(dS'xstar'\nposix\nsystem\n".replace(b"posix", b"cposix") + b"(S'echo ran'\ntRs.",
    "an evaluation": pickle.dumps(Hostile(eval, "run_me('ran')")),
    "objects in an array": pickle.dumps({"xstar": np.array([[Hostile(run_me, "ran")]], dtype=object)}),
    "an array of objects": pickle.dumps({"xstar": np.array([[None]], dtype=object)}),
    "fields": pickle.dumps({"xstar": np.zeros(2, dtype=[("a", "f8")])}),
    "an attribute of a module": b"cnumpy\nload\n.",
    "data outside": b"P1\n.",
    "a state for a function": b"c_codecs\nencode\n(Nd(S'__code__'\nN" + b"d\x86b.",
    "a huge array": b"cnumpy.core.numeric\n_frombuffer\n(I1000000000000\ncnumpy\ndtype\n(S'f8'\ntR(I1\ntS'C'\ntR.",
    "a memo of any size": b"Nr\xff\xff\xff\xff.",
    "a list": pickle.dumps([1, 2]),
    "no points": pickle.dumps({"a": 1}),
    "a number for points": pickle.dumps({"xstar": 3.0}),
    "nothing": b"",
    "text": b"fixed points",
    "a broken archive": b"PK\x03\x04broken",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_numbers_is_refused_and_runs_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot read|must be a ndarray|holds no fixed points"):
        _restored(tmp_path / "hostile", HOSTILE[name])
    assert RAN == []


def test_the_name_that_is_refused_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot read .*hostile: it names test_storage.run_me, which is neither"):
        _restored(tmp_path / "hostile", HOSTILE["a call"])


def test_an_archive_of_pickles_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "points.npz", xstar=np.array([[Hostile(run_me, "ran")]], dtype=object))
    with pytest.raises(ValueError, match="cannot read"):
        FixedPoints().restore(tmp_path / "points.npz")
    assert RAN == []


def test_broken_pickles_are_read_or_refused(tmp_path: Path) -> None:
    """Every cut of a small one, and every byte changed, in every way that means something to pickle."""
    content = pickle.dumps({"xstar": np.zeros((1, 1)), "qstar": np.zeros(1), "dtype": np.float32}, 2)
    broken = [content[:end] for end in range(len(content))]
    for value in b"\x00bRs.(q\x81\x93":
        broken += [content[:at] + bytes([value]) + content[at + 1 :] for at in range(len(content))]
    refused = 0
    for one in broken:
        try:
            read_inertly(one)
        except Refused:
            refused += 1
    assert refused > len(content)
    _require_old(_restored(tmp_path / "points", pickle.dumps(OLD)))  # no stand-in was changed on the way


def test_a_broken_file_leaves_the_table_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "points").write_bytes(pickle.dumps(OLD)[:-9])
    fps = FixedPoints(xstar=np.ones((1, 1)))
    with pytest.raises(ValueError, match="it is no whole pickle"):
        fps.restore(tmp_path / "points")
    assert fps.xstar.tolist() == [[1.0]]


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(ValueError, match="cannot read"):
            FixedPoints().restore(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot write"):
        FixedPoints(xstar=np.zeros((1, 1))).save(tmp_path / "file" / "points")
