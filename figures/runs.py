"""Cases measured one by one in processes of one thread, each kept as soon as it is done."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from tqdm import tqdm

Row = dict[str, Any]
Case = TypeVar("Case")


def key_of(case: Any) -> str:
    """What a case, a dataclass, is known by in the file of results."""
    return json.dumps(asdict(case))


def measured(
    name: str, cases: Sequence[Case], measure: Callable[[Case], list[Row]], path: Path, workers: int
) -> tuple[list[Row], list[Case]]:
    """The rows of the cases, and which of them are missing: none, unless there are no workers."""
    done: dict[str, list[Row]] = {}
    if path.exists():
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            done[entry["case"]] = entry["rows"]
    missing = [case for case in cases if key_of(case) not in done]
    if not workers:
        return [row for case in cases if key_of(case) in done for row in done[key_of(case)]], missing
    with path.open("a") as file, ProcessPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        futures = {pool.submit(measure, case): case for case in missing}
        for future in tqdm(as_completed(futures), total=len(futures), desc=name, disable=not futures):
            case = futures[future]
            done[key_of(case)] = [{**asdict(case), **row} for row in future.result()]  # pyright: ignore[reportArgumentType]
            file.write(json.dumps({"case": key_of(case), "rows": done[key_of(case)]}) + "\n")
            file.flush()
    return [row for case in cases for row in done[key_of(case)]], []
