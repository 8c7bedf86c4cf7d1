"""The packages can be published, and a release changes the version and the changelog."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from email import message_from_bytes
from email.message import Message
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/pgvoice/pgvoice"
RAW = "https://raw.githubusercontent.com/pgvoice/pgvoice"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sdist and the wheel, by suffix."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return {path.suffix: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def metadata(built: dict[str, Path]) -> Message:
    with ZipFile(built[".whl"]) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(wheel.read(name))


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = spec_from_file_location("release", ROOT / ".ci" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_twine_finds_no_fault(built: dict[str, Path]) -> None:
    files = [str(path) for path in built.values()]
    command = [sys.executable, "-m", "twine", "--no-color", "check", "--strict", *files]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count("PASSED") == 2


def test_what_pypi_shows(metadata: Message) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    classifiers = metadata.get_all("Classifier") or []
    assert not [each for each in classifiers if each.startswith("License ::")]
    pythons = {each.rpartition(" ")[2] for each in classifiers if "Python :: 3." in each}
    assert pythons == {"3.11", "3.12", "3.13"}
    urls = dict(each.split(", ") for each in metadata.get_all("Project-URL") or [])
    assert urls.pop("Homepage") == REPOSITORY
    assert {"Changelog", "Documentation", "Issues"} == set(urls)
    assert metadata["Keywords"].split(",")


def test_the_links_on_pypi_lead_to_the_repository(metadata: Message) -> None:
    version = f"v{metadata['Version']}"
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)]+)\)", str(metadata.get_payload()))
    places = {True: f"{RAW}/{version}/", False: f"{REPOSITORY}/blob/{version}/"}
    assert {bool(image) for image, _ in links} == {True, False}
    for image, link in links:
        place = places[bool(image)]
        if link.startswith((RAW, REPOSITORY)):
            assert (ROOT / link.removeprefix(place).partition("#")[0]).is_file(), link
        assert link.startswith("https://")


def test_the_wheel_has_every_file_of_the_page(built: dict[str, Path]) -> None:
    with ZipFile(built[".whl"]) as wheel:
        packed = set(wheel.namelist())
    files = [
        path
        for folder in ("templates", "static")
        for path in (ROOT / "cli/serve" / folder).rglob("*")
        if path.is_file()
    ]
    assert {path.suffix for path in files} >= {".html", ".css", ".js", ".svg"}
    assert {f"pgvoice/{path.relative_to(ROOT)}" for path in files} <= packed


def test_the_sdist_can_be_tested(built: dict[str, Path]) -> None:
    with tarfile.open(built[".gz"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    needed = {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "tests/conftest.py"}
    assert needed <= names


CHANGELOG = "# Changelog\n\n## Unreleased\n\n{}\n\n## 0.1.0\n\n- Begins.\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('name = "x"\nversion = "0.9.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG.format("### Added\n\n- A thing."))
    return tmp_path


def test_a_release_has_its_version_and_its_changes(project: Path, release: ModuleType) -> None:
    release.prepare(project, "0.10.0", "2026-12-01")
    assert (project / "pyproject.toml").read_text() == 'name = "x"\nversion = "0.10.0"\n'
    sections = "## Unreleased\n\n## 0.10.0, 2026-12-01\n\n### Added\n\n- A thing.\n\n## 0.1.0\n"
    assert sections in (project / "CHANGELOG.md").read_text()
    with pytest.raises(release.Refused, match="no changes under Unreleased"):
        release.prepare(project, "0.11.0", "2026-12-01")


@pytest.mark.parametrize("version", ["0.9.0", "0.8.1", "1.0", "1.0.0rc1", "v1.0.0"])
def test_a_version_that_does_not_follow(project: Path, release: ModuleType, version: str) -> None:
    with pytest.raises(release.Refused, match=r"does not follow 0\.9\.0"):
        release.prepare(project, version, "2026-12-01")
    assert '"0.9.0"' in (project / "pyproject.toml").read_text()
