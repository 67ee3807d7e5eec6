"""A tracked training as tables, a figure and saved results."""

import math
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..files import replacing
from ..store import save
from ..tracking import Event, TrackingHistory
from .figures import written

_SHOWN = 12
"""Rows of a table on the screen; the rest is in the files."""

_PAIRED = ("birth", "death")
"""Events that two identities may share, which are told once."""

_WORDS = {
    "birth": "was born",
    "death": "died",
    "stable": "became stable",
    "unstable": "became unstable",
    "kind": "changed kind",
    "found late": "was found, though it had been there before",
}


def print_tracking(history: TrackingHistory, console: Console) -> None:
    """What was reached when, beside the published claim, and the last events."""
    observations, events = history.observations, history.identities.events
    if not observations:
        console.print(history.summary())
        return
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    loss = any("loss" in dict(o.scalars) for o in observations)
    for heading in ("step", *["loss"] * loss, "VAA", "n VAA", "reached", "points", "radius", "born", "died"):
        table.add_column(heading, justify="left" if heading == "reached" else "right")
    stride = max(1, -(-len(observations) // _SHOWN))
    before = -math.inf
    for index in sorted({*range(0, len(observations), stride), len(observations) - 1}):
        o = observations[index]
        kinds = [event.kind for event in events if before < event.step <= o.step]
        radii = o.sets.spectral_radii
        reached = ", ".join(f"{number} {kind.named(number)}" for kind, number in o.sets.counts.items())
        missing = "" if o.index_sum in (1, None) else f" (index sum {o.index_sum})"
        table.add_row(
            str(o.step),
            *([f"{dict(o.scalars).get('loss', float('nan')):.3g}"] if loss else []),
            f"{o.vaa:.3g}",
            f"{o.claimed:.3g}",
            (reached or "none") + (f"; {o.n - o.outcomes[0]} of {o.n} unsettled" if o.outcomes[0] < o.n else ""),
            "-" if o.n_fixed_points is None else f"{o.n_fixed_points}{missing}",
            f"{float(radii.max()):.3f}" if len(radii) else "-",
            str(kinds.count("birth") or ""),
            str(kinds.count("death") or ""),
        )
        before = o.step
    console.print(table)
    told = [event for event in events if event.kind not in _PAIRED or event.partner < event.identity]
    sentences = [_sentence(event) for event in sorted(told, key=_moment)]
    for sentence in sentences[-_SHOWN:]:
        console.print(sentence, soft_wrap=True, markup=False)
    if len(sentences) > _SHOWN:
        console.print(f"({len(sentences) - _SHOWN} earlier events are in the files)", style="dim")
    if cut := [str(o.step) for o in observations if o.cut_off]:
        text = f"Cut off, so that something may be missing: step{'s' * (len(cut) > 1)} {', '.join(cut[-_SHOWN:])}"
        console.print(text, style="bold red", soft_wrap=True, markup=False)
    console.print(
        f"VAA: n = {observations[0].n} states, {observations[0].horizon:,} steps, one held input; reached: what the "
        "same states settle on; points: all fixed points found; radius: the largest growth per step of any set; in "
        "brackets the steps between which an event lies, as near as the weights are known",
        style="dim",
        markup=False,
    )


def _moment(event: Event) -> float:
    return event.at if math.isfinite(event.at) else event.step


def _sentence(event: Event) -> str:
    bracket = f"steps {event.before} to {event.step}"
    at = bracket if not math.isfinite(event.at) else f"step {event.at:.5g} ({bracket.removeprefix('steps ')})"
    several = event.kind in _PAIRED and event.partner >= 0 and event.how != "Neimark-Sacker"
    who = f"identities {event.partner} and {event.identity}" if several else f"identity {event.identity}"
    did = _WORDS[event.kind].replace("was", "were") if several else _WORDS[event.kind]
    return f"{at}: {who} {did}" + (f" ({event.how})" if event.how else "")


def write_tracking(history: TrackingHistory, folder: Path) -> list[Path]:
    """Write the saved history, its tables (CSV) and its figure (PDF and PNG) into ``folder``; returns the files."""
    from ..plotting import plot_tracking

    files = [save(history, folder / "tracking.safetensors")]
    for name, frame in (("tracking", history.to_pandas()), ("events", history.identities.to_pandas())):
        files.append(folder / f"{name}.csv")
        with replacing(files[-1]) as temporary:
            frame.to_csv(temporary, index=False)
    return files + written(plot_tracking(history)[0], folder / "tracking")
