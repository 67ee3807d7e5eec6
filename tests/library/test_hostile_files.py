"""Files, folders and options of the command line that are damaged, foreign or absurd; processes that share a folder."""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from command import run_command
from torch import nn

import rnn_dynamics as rd
from rnn_dynamics import checks, tasks
from rnn_dynamics.cli.shared import require_writable

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


RUN = ("train", "copy", "--hidden", 4, "--epochs", 1, "--sequences", 20, "--length", 4, "--track-every", 0)


def refused(capsys: Any, monkeypatch: Any, *arguments: object) -> str:
    code, _, err = run_command(capsys, monkeypatch, *arguments, columns=400)
    assert code == 1, err
    assert err.startswith("Error: "), err
    assert err.count("\n") == 1, err
    return err


def _nested(depth: int) -> str:
    return "[" * depth + "]" * depth


RECORDS: dict[str, tuple[str, str]] = {
    "nested": (_nested(100_000), "cannot read"),
    "a list": ("[1]", "does not hold the options of a run"),
    "a number": ("1", "does not hold the options of a run"),
    "task of another type": ('{"task": 3, "network": "GRU-4"}', "does not hold the options of a run"),
    "task a list": ('{"task": ["copy"], "network": "GRU-4"}', "does not hold the options of a run"),
    "no such task": ('{"task": "fly", "network": "GRU-4"}', "there is no task 'fly'"),
    "length a list": ('{"task": "copy", "network": "GRU-4", "length": [4]}', r"length is \[4\]"),
    "length true": ('{"task": "copy", "network": "GRU-4", "length": true}', "length is True"),
    "sequences a text": ('{"task": "copy", "network": "GRU-4", "sequences": "many"}', "sequences is 'many'"),
    "data a number": ('{"task": "rows", "network": "GRU-4", "data": 3}', "data is 3"),
    "hold a dict": ('{"task": "copy", "network": "GRU-4", "hold": {}}', "hold is {}"),
    "absurd length": ('{"task": "copy", "network": "GRU-4", "length": 1000000000000000}', "length|memory"),
}


@pytest.fixture
def run(capsys: Any, monkeypatch: Any) -> Path:
    code, _, err = run_command(capsys, monkeypatch, *RUN, "--snapshot-every", 2, "--out", "run")
    assert (code, err) == (0, "")
    return Path("run")


def test_options_of_a_run_that_are_none(capsys, monkeypatch, run) -> None:
    for text, sentence in RECORDS.values():
        (run / "run.json").write_text(text)
        message = refused(capsys, monkeypatch, "track", run / "seed-0")
        assert any(part in message for part in (sentence.replace("\\", ""), *sentence.split("|")))


def _changed(*path: Any, to: Any) -> Callable[[dict[str, Any]], Any]:
    def change(state: dict[str, Any]) -> Any:
        place: Any = state
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to
        return state

    return change


def _without(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda state: {key: value for key, value in state.items() if key != name}


STATES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "epoch a text": (_changed("epoch", to="one"), "epoch is 'one'"),
    "epoch a tensor": (_changed("epoch", to=torch.ones(2)), "epoch is tensor"),
    "step negative": (_changed("step", to=-1), "step is -1"),
    "position none": (_changed("position", to=None), "position is None"),
    "members a dict": (_changed("members", to={}), "members is not a list"),
    "members none": (_changed("members", to=[]), "members is not a list"),
    "a member a number": (_changed("members", 0, to=3), "member 0: it is not the log of a member"),
    "identity a list": (_changed("identity", to=[1]), "identity is not that of a training"),
    "identity without shapes": (_changed("identity", "weights", to=None), "identity is not that of a training"),
    "losses a list": (_changed("members", 0, "losses", to=[1.0]), "losses is of a wrong type"),
    "losses of whole numbers": (_changed("members", 0, "losses", to=torch.ones(3).long()), "losses is of a wrong type"),
    "best a tensor": (_changed("members", 0, "best", to=torch.ones(1)), "best is of a wrong type"),
    "best of numbers": (_changed("members", 0, "best", "readout.bias", to=1.0), "best is of a wrong type"),
    "best of another shape": (
        _changed("members", 0, "best", "readout.bias", to=torch.ones(9)),
        "the weights of best are not the model's",
    ),
    "status a number": (_changed("members", 0, "status", to=1), "status is of a wrong type"),
    "best epoch beyond": (_changed("members", 0, "best_epoch", to=7), "best_epoch is 7 of 1"),
    "seed a text": (_changed("members", 0, "seed", to="0"), "seed is of a wrong type"),
    "observed a number": (_changed("observed", to=3), "observed is not a step for each member"),
    "nothing of a training": (lambda state: [1, 2], "is not a training of format"),
    "no members": (_without("members"), "is not a training of format"),
}


def test_states_of_trainings_that_are_none(capsys, monkeypatch, run) -> None:
    whole = (run / "state.pt").read_bytes()
    for change, sentence in STATES.values():
        torch.save(change(torch.load(run / "state.pt", weights_only=True)), run / "state.pt")
        assert sentence in refused(capsys, monkeypatch, *RUN, "--resume", "--epochs", 2, "--out", run)
        (run / "state.pt").write_bytes(whole)
    code, out, err = run_command(capsys, monkeypatch, *RUN, "--resume", "--epochs", 2, "--out", run)
    assert (code, err) == (0, ""), out


@pytest.mark.parametrize("text", ["[]", '{"spent": []}', '{"skipped": "many"}', '{"spent": 1e999, "skipped": 1e999}'])
def test_accounts_of_trackers_that_are_none(tmp_path, text) -> None:
    tracker = rd.AttractorTracker(
        torch.zeros(2, 3, 1), effort=rd.Effort(n=2, horizon=1, searched=8), folder=tmp_path / "kept"
    )
    tracker.observe(0, _small())
    (tmp_path / "kept" / "account.json").write_text(text)
    with pytest.raises(ValueError, match=r"account\.json"):
        rd.AttractorTracker(
            torch.zeros(2, 3, 1), effort=rd.Effort(n=2, horizon=1, searched=8), folder=tmp_path / "kept", resume=True
        )


def _small() -> nn.GRU:
    with torch.random.fork_rng():
        return nn.GRU(1, 2)


@pytest.fixture
def model(tmp_path) -> Path:
    torch.save(_small().state_dict(), tmp_path / "model.pt")
    return tmp_path / "model.pt"


LONG = "x" * 300
ABSURD: list[tuple[tuple[object, ...], str]] = [
    ((*RUN, "--out", LONG), "File name too long"),
    ((*RUN, "--out", f"a/{LONG}/b"), "File name too long"),
    ((*RUN, "--cell", "chrono", "--t-max", "1e308"), "--t-max must be above 2 and finite"),
    (("warmup", "chrono-4", "--t-max", "1e308"), "--t-max must be above 2 and finite"),
    (("warmup", LONG), "File name too long"),
    (("warmup", "GRU-4", "--horizon", 10**12), "Horizon needs whole numbers"),
    (("reach", "model.pt", "--n", 10**12), "n must be at most 1,000,000,000"),
    (("reach", "model.pt", "--horizon", 10**12), "--horizon must be at most 1,000,000,000"),
    (("reach", LONG), "File name too long"),
    (("analyze", "model.pt", "--starts", 10**12), "at most 1,000,000,000"),
    (("analyze", "model.pt", "--seed", 10**30), "seed must be a whole number of 64 bits"),
    (("bifurcate", "model.pt", "--searches", 10**12), "at most 1,000,000,000"),
    ((*RUN, "--track-every", 1, "--n", 10**12), "at most 1,000,000,000"),
    ((*RUN, "--horizon", 10**12, "--track-every", 1), "at most 1,000,000,000"),
    (("demo", "--hidden", 10**9, "--out", "demo"), "memory"),
]


@pytest.mark.parametrize(("arguments", "sentence"), ABSURD, ids=[" ".join(map(str, a))[:60] for a, _ in ABSURD])
def test_absurd_options_are_refused_in_one_sentence(capsys, monkeypatch, model, arguments, sentence) -> None:
    assert sentence in refused(capsys, monkeypatch, *arguments)


@pytest.mark.parametrize("option", ["--n", "--measure-horizon"])
def test_what_is_measured_after_the_warmup_is_refused_before_it(capsys, monkeypatch, option) -> None:
    code, out, err = run_command(capsys, monkeypatch, "warmup", "GRU-4", option, 10**12)
    assert code == 2
    assert f"Invalid value for '{option}'" in err
    assert "warming up" not in out + err


def _idx(*sizes: int) -> bytes:
    return bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)


def test_images_that_promise_more_than_memory_holds_are_refused_before_they_are_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(checks.memory, "available_memory", lambda: 1e7)
    (tmp_path / "bomb").write_bytes(gzip.compress(_idx(1000, 1000, 20) + bytes(20_000_000)))
    with pytest.raises(ValueError, match=r"bomb = .* needs .* MB for its entries, of which 8 MB can be had"):
        tasks.read_idx(tmp_path / "bomb")


def test_no_more_of_a_packed_file_is_read_than_its_header_promises(tmp_path, monkeypatch) -> None:
    """50 MB of zeros behind a header that promises 12 bytes: 13 are read, with what one block of gzip brings along."""
    (tmp_path / "bomb").write_bytes(gzip.compress(_idx(3, 2, 2) + bytes(50_000_000)))
    taken: list[int] = []
    opened = gzip.open

    def counted(*arguments: Any, **options: Any) -> Any:
        stream = opened(*arguments, **options)
        read = stream.read

        def counting(size: int = -1) -> bytes:
            taken.append(len(piece := read(size)))
            return piece

        stream.read = counting
        return stream

    monkeypatch.setattr("rnn_dynamics.tasks.idx.gzip.open", counted)
    with pytest.raises(ValueError, match=r"does not fit its sizes \[3, 2, 2\].*there are more"):
        tasks.read_idx(tmp_path / "bomb")
    assert sum(taken) == 4 + 12 + 12 + 1


def test_two_processes_may_ask_whether_one_folder_is_writable(tmp_path) -> None:
    """Each with a probe of its own name: with one name for all, a third of such calls failed."""
    faults: list[Exception] = []
    names: set[str] = set()
    made = tempfile.NamedTemporaryFile

    def ask() -> None:
        for _ in range(200):
            try:
                require_writable(tmp_path)
            except ValueError as error:
                faults.append(error)

    def named(*arguments: Any, **options: Any) -> Any:
        file = made(*arguments, **options)
        names.add(file.name)
        return file

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "NamedTemporaryFile", named)
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not faults
    assert len(names) == 800
    assert not list(tmp_path.glob(".rnn-dynamics-*"))


def test_a_result_is_read_from_one_file_while_another_takes_its_place(tmp_path, monkeypatch) -> None:
    """The file is replaced after the first bytes of it were read: what was opened is what is read."""
    first = rd.diversity([3, 2, 1])
    long = rd.sample_states(rd.as_map(lambda h, x: h / 2, 2, 0), torch.zeros(1, 3, 0), 50)
    path = rd.save(rd.Warmup(long[:, :1], long[:, 0], long[:, 0], long[:, 0], 4, 0.9, "finished"), tmp_path / "r")
    read = Path.read_bytes

    def overtaken(self: Path) -> bytes:
        content = read(self)
        if self == path:
            rd.save(first, path)
        return content

    monkeypatch.setattr(Path, "read_bytes", overtaken)
    assert isinstance(rd.load(path), rd.Warmup)
    assert isinstance(rd.load(path), type(first))


def test_readers_never_see_half_a_file(tmp_path) -> None:
    path = tmp_path / "result.safetensors"
    results = [rd.diversity([2, 1]), rd.Warmup(*(torch.zeros(500, 1), *[torch.zeros(500)] * 3), 4, 0.9, "finished")]
    rd.save(results[0], path)
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            for result in results:
                rd.save(result, path)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = {type(rd.load(path)).__name__ for _ in range(300)}
    finally:
        ended.set()
        writer.join()
    assert seen <= {"Diversity", "Warmup"}


def _damaged(header: Any) -> bytes:
    text = json.dumps({"__metadata__": {"rnn_dynamics": header if isinstance(header, str) else json.dumps(header)}})
    raw = text.encode()
    return len(raw).to_bytes(8, "little") + raw


HEADERS: dict[str, Any] = {
    "no header": "nonsense",
    "a number": 3,
    "nested": _nested(50_000),
    "no format": {},
    "no result": {"format": 1},
    "a result of no type": {"format": 1, "result": {"kind": 3}},
    "unknown type": {"format": 1, "result": {"type": "Nonsense", "fields": {}}},
    "type a list": {"format": 1, "result": {"type": [], "fields": {}}},
    "fields a list": {"format": 1, "result": {"type": "Diversity", "fields": []}},
    "fields missing": {"format": 1, "result": {"type": "Diversity", "fields": {"n": 3}}},
    "fields of other types": {
        "format": 1,
        "result": {
            "type": "Diversity",
            "fields": {"observed": "x", "n": 1, "unseen": 0.0, "coverage": 1.0, "entropy": 0.0},
        },
    },
    "tensor missing": {"format": 1, "result": {"tensor": "a", "complex": False}},
    "complex of texts": {"format": 1, "result": {"real": "a", "imag": 1}},
}


@pytest.mark.parametrize("name", HEADERS)
def test_results_with_damaged_headers_are_refused(tmp_path, name) -> None:
    (tmp_path / "result.safetensors").write_bytes(_damaged(HEADERS[name]))
    with pytest.raises(ValueError, match=r"result\.safetensors is not a whole result"):
        rd.load(tmp_path / "result.safetensors")


SCRIPT = """
import resource, sys
import rnn_dynamics.cli as cli
if sys.argv[1] != "-":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.argv[1:2] = []
cli.main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("most", [10_000, 40_000])
def test_a_limit_on_files_leaves_no_half_figure(model, tmp_path, most) -> None:
    """10,000 bytes end the PDF, 40,000 the PNG; MPLBACKEND is nonsense on top."""
    command = [sys.executable, "-c", SCRIPT, str(most), "reach", str(model), "--n", "3", "--horizon", "2"]
    run = subprocess.run(
        [*command, "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        env={**os.environ, "MPLBACKEND": "nonsense"},
        check=False,
    )
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert "cannot write" in run.stderr.splitlines()[-1]
    assert "File too large" in run.stderr.splitlines()[-1]
    assert "MPLBACKEND='nonsense' names no backend" in run.stderr
    left = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert not [name for name in left if name.startswith(".")]
    assert all(b"%%EOF" in content[-10:] for name, content in left.items() if name.endswith(".pdf"))
    assert all(content.endswith(b"IEND\xaeB`\x82") for name, content in left.items() if name.endswith(".png"))


@pytest.mark.parametrize("count", [50_000])
def test_responses_of_many_starts_say_what_their_distances_need(monkeypatch, count) -> None:
    """50,000 states have 2.5 10^9 distances, 20 GB."""
    monkeypatch.setattr(checks.memory, "available_memory", lambda: 10e9)
    network = rd.as_map(lambda h, x: h / 2 + x, 1, 1)
    with pytest.raises(ValueError, match=r"starts = 50,000 needs 20 GB for the distances between states"):
        rd.echo_index(network, torch.zeros(2, 1), starts=torch.zeros(count, 1))
