"""Releases a version: ``pip install -e '.[release]' && python .ci/release.py 0.2.0``.

In a clone beside this one it gives pyproject.toml the version and CHANGELOG.md a section of it,
commits, tags, builds the wheel and the sdist, and checks both. Then it pushes the commit and the
tag, and uploads. With ``--dry-run`` it stops before the push. Nothing here changes if a step fails.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
VERSION = re.compile(r'^version = "([^"]+)"$', re.MULTILINE)
UNRELEASED = re.compile(r"^## Unreleased\n(.*?)(?=^## )", re.MULTILINE | re.DOTALL)


class Refused(Exception):
    """A version cannot be released; the message says why."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("version", help="such as 0.2.0")
    parser.add_argument("--dry-run", action="store_true", help="do not push or upload")
    options = parser.parse_args()
    try:
        release(options.version, dry_run=options.dry_run)
    except Refused as error:
        sys.exit(f"not released: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"not released: `{' '.join(map(str, error.cmd))}` failed")


def release(version: str, *, dry_run: bool) -> None:
    """Release the last commit; raises `Refused`."""
    if _answer("git", "status", "--porcelain"):
        raise Refused("there are changes that are not committed")
    branch = _answer("git", "branch", "--show-current")
    with TemporaryDirectory(prefix="pgvoice-release-") as folder:
        clone = Path(folder, "pgvoice")
        _run("git", "clone", "--quiet", "--branch", branch, str(ROOT), str(clone))
        prepare(clone, version, datetime.now(UTC).date().isoformat())
        commit(clone, version)
        _run(sys.executable, "-m", "build", cwd=clone)
        built = sorted(map(str, (clone / "dist").iterdir()))
        _run(sys.executable, "-m", "twine", "check", "--strict", *built)
        if dry_run:
            print(f"{version} can be released")
            return
        _run("git", "pull", "--ff-only", "--tags", str(clone), branch)
        _run("git", "push", "--atomic", "origin", branch, f"v{version}")
        _run(sys.executable, "-m", "twine", "upload", *built)


def prepare(folder: Path, version: str, day: str) -> None:
    """Write the version into pyproject.toml and CHANGELOG.md; raises `Refused`."""
    project, changelog = folder / "pyproject.toml", folder / "CHANGELOG.md"
    text = project.read_text(encoding="utf-8")
    (before,) = VERSION.findall(text)
    if not re.fullmatch(r"\d+\.\d+\.\d+", version) or _numbers(version) <= _numbers(before):
        raise Refused(f"{version} does not follow {before}: give three numbers, such as 1.2.0")
    changes = changelog.read_text(encoding="utf-8")
    found = UNRELEASED.search(changes)
    if found is None or not re.search(r"^- ", found[1], re.MULTILINE):
        raise Refused("CHANGELOG.md has no changes under Unreleased")
    project.write_text(VERSION.sub(f'version = "{version}"', text), encoding="utf-8")
    heading = f"## Unreleased\n\n## {version}, {day}\n"
    changelog.write_text(changes.replace("## Unreleased\n", heading, 1), encoding="utf-8")


def commit(clone: Path, version: str) -> None:
    """Commit and tag the release as the user of this clone."""
    for name in ("user.name", "user.email"):
        _run("git", "config", name, _answer("git", "config", name), cwd=clone)
    _run("git", "commit", "--quiet", "--all", "--message", f"Release {version}", cwd=clone)
    _run("git", "tag", "--annotate", f"v{version}", "--message", f"pgvoice {version}", cwd=clone)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _run(*command: str, cwd: Path = ROOT) -> None:
    subprocess.run(command, cwd=cwd, check=True)


def _answer(*command: str) -> str:
    found = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return found.stdout.strip()


if __name__ == "__main__":
    main()
