"""The wheel and the sdist: built offline, each installed into an empty environment, and used there from elsewhere."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import rnn_dynamics as rd

pytest.importorskip("hatchling", reason="of the extra test; `make dist` installs it")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
USE = """
import torch, rnn_dynamics as rd
from rnn_dynamics import cli, plotting
system = rd.as_map(lambda h, _: torch.tanh(2 * h), 1, 0, box=(-1.0, 1.0)).hold()
print(rd.__version__, len(rd.find_fixed_points(system, torch.linspace(-1, 1, 8)[:, None])), rd.__file__)
"""


def run(*command: object, folder: Path) -> str:
    """What a command prints; where it fails, its errors are this test's."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([str(word) for word in command], cwd=folder, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both; of `make dist` the one that is released."""
    folder = Path(os.environ["DIST"]).resolve() if "DIST" in os.environ else tmp_path_factory.mktemp("dist")
    for old in folder.glob("rnn_dynamics-*"):
        old.unlink()
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, folder=ROOT)
    return folder


@pytest.mark.parametrize("pattern", ["*.whl", "*.tar.gz"])
def test_installed_into_an_empty_environment_it_works(built: Path, pattern: str, tmp_path: Path) -> None:
    (file,) = built.glob(pattern)
    run(sys.executable, "-m", "venv", tmp_path / "env", folder=tmp_path)
    python = tmp_path / "env" / SCRIPTS / "python"
    packages = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=tmp_path).strip()
    )
    # Dependencies are lent by this environment, whose own rnn_dynamics stays out: .pth files in there are not read.
    lent = {sysconfig.get_path("purelib"), *(path for path in sys.path if path.endswith("site-packages"))}
    (packages / "lent.pth").write_text("\n".join(sorted(lent)))
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", "--no-build-isolation", file, folder=tmp_path)
    version, found, where = run(python, "-c", USE, folder=tmp_path).split()
    assert (version, found) == (rd.__version__, "3")
    assert Path(where).is_relative_to(packages)
    assert (packages / "rnn_dynamics/py.typed").exists()
    assert "report-bug" in run(tmp_path / "env" / SCRIPTS / "rnn-dynamics", "--help", folder=tmp_path)


def test_what_is_in_them(built: Path) -> None:
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    assert {wheel.name, sdist.name} == {
        f"rnn_dynamics-{rd.__version__}-py3-none-any.whl",
        f"rnn_dynamics-{rd.__version__}.tar.gz",
    }
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "rnn_dynamics").rglob("*.py")}
    inside = zipfile.ZipFile(wheel).namelist()
    assert modules <= set(inside)
    assert {name.partition("/")[0] for name in inside} == {"rnn_dynamics", f"rnn_dynamics-{rd.__version__}.dist-info"}
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert modules | {"README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "pyproject.toml"} <= packed
