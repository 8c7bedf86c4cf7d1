"""Which module imports which, read from the source files, and the cycles among them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

Graph = Mapping[str, set[str]]


def imports(root: Path, folders: Iterable[str]) -> Graph:
    """By module the modules that it imports, wherever in its file the import is.

    Importing ``a.b.c`` imports the packages ``a`` and ``a.b``, too; those that a module is itself
    in are there already.
    """
    files = {
        _name(root, path): path for folder in folders for path in (root / folder).rglob("*.py")
    }
    return {
        module: {
            package
            for target in _targets(ast.parse(path.read_text()), files)
            for package in _with_packages(target)
            if package in files
            and (package == target or not f"{module}.".startswith(f"{package}."))
        }
        - {module}
        for module, path in files.items()
    }


def cycles(graph: Graph) -> list[list[str]]:
    """The sets of modules that all import each other on some way, sorted."""
    found = {
        frozenset(there & {other for other in there if module in _reached(graph, other)})
        for module in graph
        if module in (there := _reached(graph, module))
    }
    return sorted(sorted(modules) for modules in found)


def _reached(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    left = list(graph[start])
    while left:
        module = left.pop()
        if module not in seen:
            seen.add(module)
            left += graph[module]
    return seen


def _name(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(("pgvoice", *(parts[:-1] if parts[-1] == "__init__" else parts)))


def _targets(tree: ast.AST, files: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in files else node.module


def _with_packages(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts) + 1))
