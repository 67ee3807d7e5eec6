"""A tracked training as tables, a figure and saved results."""

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..files import replacing
from ..plotting import plot_tracking
from ..store import save
from ..tracking import Event, TrackingHistory
from .figures import written

_SHOWN = 12
"""Rows of a table on the screen; the rest is in the files."""


def print_tracking(history: TrackingHistory, console: Console) -> None:
    """What was reached when, beside the published claim, and the last events."""
    observations = history.observations
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    loss = any("loss" in dict(o.scalars) for o in observations)
    for heading in (
        "step",
        *["loss"] * loss,
        "VAA",
        "n VAA",
        "reached",
        "fixed points",
        "largest radius",
        "born",
        "died",
    ):
        table.add_column(heading, justify="left" if heading == "reached" else "right")
    events = history.identities.events
    stride = max(1, -(-len(observations) // _SHOWN))
    shown = sorted({*range(0, len(observations), stride), len(observations) - 1})
    since = -1
    for index in shown:
        o = observations[index]
        steps = {later.step for later in observations[since + 1 : index + 1]}
        kinds = [event.kind for event in events if event.step in steps]
        radii = o.sets.spectral_radii
        table.add_row(
            str(o.step),
            *([f"{dict(o.scalars).get('loss', float('nan')):.3g}"] if loss else []),
            f"{o.vaa:.3g}",
            f"{o.claimed:.3g}",
            ", ".join(f"{number} {kind}" for kind, number in o.sets.counts.items()) or "none",
            ("-" if o.n_fixed_points is None else f"{o.n_fixed_points}")
            + ("" if o.index_sum in (1, None) else f" (index sum {o.index_sum})"),
            f"{float(radii.max()):.4f}" if len(radii) else "-",
            str(kinds.count("birth") or ""),
            str(kinds.count("death") or ""),
        )
        since = index
    console.print(table)
    for event in events[-_SHOWN:]:
        console.print(_sentence(event), soft_wrap=True, markup=False)
    if len(events) > _SHOWN:
        console.print(f"({len(events) - _SHOWN} earlier events are in the files)", style="dim")
    if observations:
        o = observations[0]
        console.print(
            f"VAA: n = {o.n} states, {o.horizon:,} steps, one held input; reached: what the same states settle on; "
            "fixed points: all found, stable or not",
            style="dim",
            markup=False,
        )


def _sentence(event: Event) -> str:
    at = f"step {event.at:.4g}" if event.at == event.at else f"steps {event.before} to {event.step}"
    partner = f" with identity {event.partner}" if event.partner >= 0 else ""
    words = {
        "birth": "was born",
        "death": "died",
        "stable": "became stable",
        "unstable": "became unstable",
        "kind": "changed kind",
        "found late": "was found, though it had been there before",
    }
    how = f" ({event.how})" if event.how else ""
    return f"{at}: identity {event.identity} {words[event.kind]}{how}{partner}"


def write_tracking(history: TrackingHistory, folder: Path) -> list[Path]:
    """Write the saved history, its tables (CSV) and its figure (PDF and PNG) into ``folder``; returns the files."""
    files = [save(history, folder / "tracking.safetensors")]
    for name, frame in (("tracking", history.to_pandas()), ("events", history.identities.to_pandas())):
        files.append(folder / f"{name}.csv")
        with replacing(files[-1]) as temporary:
            frame.to_csv(temporary, index=False)
    return files + written(plot_tracking(history)[0], folder / "tracking")
