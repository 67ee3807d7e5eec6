"""Tests of the change at hand: ``python tests/quick.py [PYTEST OPTIONS]``, a minute at most; ``make test`` runs all.

A test module is chosen if it changed since the branch left main, imports a changed module by name, or has its name in
its own: ``tracking/route.py`` brings ``test_tracking_route.py``, and, were there none, all of tracking. Those marked
slow are left out.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def changed() -> list[Path]:
    """Python files that differ from where the branch left main, new ones included."""
    base = _git("merge-base", "HEAD", "main") or ["HEAD"]
    names = _git("diff", "--name-only", base[0]) + _git("ls-files", "--others", "--exclude-standard")
    return [Path(name) for name in dict.fromkeys(names) if name.endswith(".py") and (ROOT / name).exists()]


def chosen(files: list[Path]) -> Iterator[Path]:
    """The test modules for these files."""
    tests = [path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py")]
    for file in files:
        if file in tests:
            yield file
            continue
        imported = re.compile(rf"^\s*(from|import) .*\b{file.stem}\b", re.MULTILINE)
        yield from (test for test in tests if imported.search((ROOT / test).read_text()))
        for name in reversed(file.with_suffix("").parts[1:]):  # the module's own name, or else that of its folder
            own = [test for test in tests if _words(name) <= _words("_".join(test.with_suffix("").parts))]
            yield from own
            if own:
                break


def _words(name: str) -> set[str]:
    return {word.removesuffix("s") for word in name.split("_")}


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.split() if done.returncode == 0 else []


def main() -> int:
    """Run them; what there is to run is said."""
    modules = sorted({str(module) for module in chosen(changed())})
    print("\n".join(modules) or "No test module is about what changed.", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", *sys.argv[1:], *modules]
    return subprocess.run(command, cwd=ROOT, check=False).returncode if modules else 0


if __name__ == "__main__":
    sys.exit(main())
