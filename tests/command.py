"""The command line as a user runs it."""

import sys

import pytest

from rnn_dynamics import cli


def run_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object, columns: int = 120
) -> tuple[int, str, str]:
    """Run ``rnn-dynamics ARGUMENTS`` on a screen so wide; exit code, what it printed, and its errors."""
    monkeypatch.setattr(sys, "argv", ["rnn-dynamics", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    captured = capsys.readouterr()
    return int(stopped.value.code or 0), captured.out, captured.err
