"""One plan, and no import past the front of a folder."""

import networkx as nx
from house import imports, interior_imports, is_package, modules, plan, written


def test_the_plan_in_contributing_is_the_contract() -> None:
    assert written() == plan(), "run python tests/house.py"


def test_no_import_reaches_past_a_front() -> None:
    assert interior_imports() == []


def test_modules_import_in_no_circle() -> None:
    """Files, not only folders; a folder's front is the file that its name stands for."""
    known = modules()
    graph = nx.DiGraph([(name, target) for name, path in known.items() for target in imports(name, path, known)])
    assert list(nx.simple_cycles(graph)) == []


def test_every_file_says_its_subject_and_every_folder_has_a_front() -> None:
    for name, path in modules().items():
        assert path.read_text().startswith('"""'), name
        assert is_package(path) or (path.parent / "__init__.py").exists()
