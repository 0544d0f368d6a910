"""Imports run only downward: cloudmta → messages → events → domains → accounts."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ["cloudmta", "messages", "events", "domains", "accounts"]
MODULES = [
    path
    for floor in FLOORS
    for path in sorted((ROOT / floor).rglob("*.py"))
    if not {"tests", "migrations"} & set(path.relative_to(ROOT).parts)
]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_nothing_from_above(path: Path) -> None:
    floor = path.relative_to(ROOT).parts[0]
    above = set(FLOORS[: FLOORS.index(floor)])

    assert not above & imported(path)


def test_smtp_knows_neither_django_nor_io() -> None:
    for path in (ROOT / "messages" / "smtp").glob("*.py"):
        assert not {"django", "asyncio", "socket", "ssl", "time"} & imported(path), path


def imported(path: Path) -> set[str]:
    """Return the top-level packages that a module imports, wherever in it that stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names
