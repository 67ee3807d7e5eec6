"""What is proved of a result, as one screen, a table and the saved certificates."""

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..certificates import BranchCertificates, Certificates, FixedPointCensus, ProvedReach
from ..files import replacing
from ..store import save

_MOST_ROWS = 60


def print_certificates(proof: Certificates | ProvedReach, console: Console) -> None:
    """The table of what is proved, what the indices prove, and what stood in the way elsewhere."""
    console.print(proof.summary(), style="bold", soft_wrap=True, markup=False)
    parts = [proof] if isinstance(proof, Certificates) else proof.certificates
    for number, part in enumerate(parts):
        if len(parts) > 1:
            console.print(f"Held input {number}: {part.summary()}", soft_wrap=True, markup=False)
        if len(part):
            console.print(_table(part))
        if isinstance(proof, Certificates):
            console.print(f"  {part.verdict}", soft_wrap=True, markup=False)
        for line in part.advice:
            console.print(f"  {line}", soft_wrap=True, markup=False)
    console.print(
        "within: how far at most each is from the state printed; alone: no other is nearer; |lambda|: a bound of all; "
        "captures: all states nearer go there",
        style="dim",
    )


def print_proof(proof: BranchCertificates | FixedPointCensus, console: Console) -> None:
    """What is proved of a branch, or of the number of fixed points, and what is not."""
    console.print(proof.summary(), style="bold", soft_wrap=True, markup=False)
    for line in proof.advice if isinstance(proof, BranchCertificates) else ():
        console.print(f"  {line}", soft_wrap=True, markup=False)


def print_branch_certificates(proof: BranchCertificates, number: int, console: Console) -> None:
    """What is proved of one branch of a diagram, in a line, and what is not."""
    console.print(f"Branch {number}: {proof.summary()}", soft_wrap=True, markup=False)
    for line in proof.advice:
        console.print(f"  {line}", soft_wrap=True, markup=False)


def proof_words(proof: Certificates | BranchCertificates) -> list[str]:
    """Of each row "yes", or "no" with its reason, for the column "proved" of tables."""
    rows = proof.to_pandas()
    return ["yes" if proved else f"no: {reason}" for proved, reason in zip(rows["proved"], rows["reason"], strict=True)]


def _table(proof: Certificates) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("#", justify="right")
    table.add_column("kind", no_wrap=True)
    table.add_column("proved", no_wrap=True)
    table.add_column("what", no_wrap=True)
    for heading in ("within", "alone", "|lambda|", "unstable", "index", "captures"):
        table.add_column(heading, justify="right")
    rows, words = proof.to_pandas(), proof_words(proof)
    for number, cells in rows.head(_MOST_ROWS).to_dict(orient="index").items():
        if not cells["proved"]:
            table.add_row(str(number), cells["kind"], words[number], *["-"] * 7)
            continue
        decided = cells["stability"] != "undecided"
        table.add_row(
            str(number),
            cells["kind"],
            words[number],
            cells["stability"] if decided else "there",
            f"{cells['enclosure']:.0e}",
            f"{cells['radius']:.0e}",
            f"{cells['spectral_radius']:.6g}" if decided else "-",
            str(cells["n_unstable"]) if cells["n_unstable"] >= 0 else "-",
            str(cells["index"]) if cells["index"] else "-",
            f"{cells['capture_radius']:.0e}" if cells["capture_radius"] else "-",
        )
    if len(rows) > _MOST_ROWS:
        table.caption = f"... and {len(rows) - _MOST_ROWS} more, in the saved certificates"
    return table


def write_certificates(
    proof: Certificates | ProvedReach | BranchCertificates, folder: Path, name: str = "certificates"
) -> list[Path]:
    """Write the certificates, which hold all that is needed to prove them again, and their table (CSV)."""
    files = [save(proof, folder / f"{name}.safetensors"), folder / f"{name}.csv"]
    with replacing(files[-1]) as temporary:
        proof.to_pandas().to_csv(temporary, index_label="row")
    return files
