"""What the repository says of itself beside its code: forms, workflows, recipe, citation, paper."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import rnn_dynamics as rd

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FORMS = sorted(path for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def read(path: str | Path) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def test_the_version_is_said_in_one_place() -> None:
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "rnn_dynamics/version.py"
    assert "version" not in PROJECT["project"]
    assert read("CITATION.cff")["version"] == rd.__version__
    assert read("recipe/recipe.yaml")["context"]["version"] == rd.__version__
    assert (ROOT / "CHANGELOG.md").read_text().count(f"## {rd.__version__}") == 1


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_forms_are_forms(path: Path) -> None:
    form = read(path)
    assert {"name", "description", "body"} <= set(form)
    assert any(part.get("validations", {}).get("required") for part in form["body"])
    asked = [part["id"] for part in form["body"]]
    assert len(set(asked)) == len(asked) > 1
    for part in form["body"]:
        assert part["type"] in ("textarea", "input", "checkboxes", "dropdown")
        assert part["attributes"].get("label") or part["attributes"].get("options")


def test_a_bug_form_asks_for_the_report() -> None:
    assert "rnn-dynamics report-bug" in (ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text()
    assert len(FORMS) == 3


def test_workflows_run_what_the_makefile_has() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    steps = [step for path in WORKFLOWS for job in read(path)["jobs"].values() for step in job["steps"]]
    made = {word for step in steps for word in re.findall(r"make (\w+)", step.get("run", ""))}
    assert made <= targets
    assert {"lint", "docs", "dist", "coverage"} <= made


def test_workflows_cover_systems_and_pythons() -> None:
    matrix = read(".github/workflows/tests.yml")["jobs"]["unit"]["strategy"]["matrix"]
    assert [name.partition("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert PROJECT["project"]["requires-python"] == f">={matrix['python'][0]}"
    lowest = read(".github/workflows/lowest.yml")["jobs"]["unit"]["strategy"]["matrix"]
    assert lowest["resolution"] == ["lowest-direct", "highest"]


def test_the_recipe_asks_for_what_the_project_does() -> None:
    renamed = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
    needed = [re.split(r"(?=>=)", line) for line in PROJECT["project"]["dependencies"]]
    wanted = {f"{renamed.get(name, name)} {bound}" for name, bound in needed}
    assert set(read("recipe/recipe.yaml")["requirements"]["run"]) == wanted | {"python >=3.11"}


def test_every_extra_of_the_site_and_the_tests_is_pinned() -> None:
    pins = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    extras = PROJECT["project"]["optional-dependencies"]
    named = {re.split(r"[>=\[]", line)[0].lower() for extra in ("docs", "test") for line in extras[extra]}
    assert named <= pins


def test_the_paper_cites_what_its_bibliography_has() -> None:
    head, text = (ROOT / "paper.md").read_text().split("\n---\n", 1)
    assert {"title", "tags", "authors", "affiliations", "date", "bibliography"} <= set(
        yaml.safe_load(head.strip("-\n"))
    )
    cited = set(re.findall(r"@(\w+)", text))
    assert cited == set(re.findall(r"^@\w+\{(\w+),", (ROOT / "paper.bib").read_text(), re.MULTILINE))
    assert {"# Summary", "# Statement of need", "# Comparison", "# References"} <= set(text.splitlines())


def test_papers_figures_are_those_measured() -> None:
    """978 to 1,024 points, none to ten of them roots; 34 of 54 networks."""
    benchmark = (
        (ROOT / "tests/benchmarks/README.md").read_text().partition("## fixed_point_finder")[2].partition("## ")[0]
    )
    rows = [re.split(r" *\| *", row) for row in benchmark.splitlines() if row.startswith("| GRU-16")]
    points, roots = [int(row[6]) for row in rows], [int(row[7]) for row in rows]
    paper = " ".join((ROOT / "paper.md").read_text().split())
    assert f"reports {min(points):,} to {max(points):,} distinct points in three networks" in paper
    assert (len(rows), min(roots), max(roots)) == (3, 0, 10)
    (doubled,) = re.findall(r"In (\d+) of 54 networks", (ROOT / "figures/warmup/outcome.md").read_text())
    assert f"twice the true count in {doubled}." in paper
