"""The plan of docs/architecture.md, held: floors, no circles, small rooms, torch only where it belongs.

Imports are read from the source, those inside functions and those for types included.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "posthue"

#: Packages from bottom to top: a module imports from its own package and from those above it in this list.
#: A name that ends in .py is a module of the root.
FLOORS = (
    "_version.py",
    "errors.py",
    "settings.py",
    "posts.py",
    "wording.py",
    "numbers.py",
    "locks.py",
    "atomic.py",
    "files.py",
    "processes.py",
    "progress.py",
    "labels.py",
    "examples",
    "data",
    "data/images",
    "data/tables/readers",
    "data/tables",
    "data/duplicates",
    "data/corpora",
    "data/splits",
    "graphs",
    "baselines",
    "runtime/bundle",
    "runtime/backends",
    "runtime/inference",
    "runtime/explain",
    "runtime",
    "runtime/neighbours",
    "runtime/optimize",
    "runtime/streaming",
    "runtime/scoring/rows",
    "runtime/scoring/shards",
    "runtime/scoring",
    "evaluation",
    "evaluation/audit",
    "model/encoders",
    "model/fusion",
    "model",
    "training/recipes",
    "training/datasets",
    "training/features",
    "training/stages",
    "training/export",
    "training/research",
    "training/benchmark",
    "training",
    "training/distill",
    "insight",
    "insight/page",
    "insight/words",
    "insight/plot",
    "insight/explain",
    "insight/analyze",
    "insight/check",
    "insight/compare",
    "insight/crowd",
    "insight/explore",
    "insight/runs",
    "__init__.py",
    "apps/service",
    "apps/telegram",
    "apps/api",
    "apps/web",
    "apps",
    "apps/cli",
    "__main__.py",
)

MOST_MODULES = 12
#: Wider packages, and why.
WIDE = {
    "data/corpora": "a registry: one module per public corpus",
    "apps/cli": "one module per command",
    "apps/telegram": "updates and replies share calls, scrubbing and settings; apart they make a circle",
}

#: Folders of tests/ for what no package does alone: the whole, hostile posts and tables, benchmarks/.
TESTS_OF_NO_PACKAGE = (".", "hostile", "benchmarks")

#: Packages from which no import leads to torch, however many there are on the way, lazy ones included.
TORCH_FREE = ("data", "graphs", "baselines", "runtime", "evaluation")
#: Packages that may import torch inside a function, but not when they are imported.
TORCH_LAZY = ("insight", "apps")
TORCH = {"torch", "transformers", "accelerate"}

PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("*/README.md")),
]


def module_name(path: Path, source: Path) -> str:
    parts = ("posthue", *path.relative_to(source).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, *, lazy: bool = True) -> Iterator[tuple[str, str]]:
    """Yield module and name of every import; not lazy: only those that run when a module is imported."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports are not the style of this house"
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif not lazy and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        elif not lazy and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from (found for child in node.orelse for found in imports(child, lazy=lazy))
        else:
            yield from imports(node, lazy=lazy)


class House:
    """The modules of a source folder, and what each imports."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.paths = {module_name(path, source): path for path in sorted(source.rglob("*.py"))}

    def package(self, module: str) -> str:
        """Return the package of a module as FLOORS names it."""
        path = self.paths[module].relative_to(self.source)
        return path.name if path.parent == Path() else path.parent.as_posix()

    @cache  # noqa: B019  (as long as the tests)
    def imported(self, module: str, *, lazy: bool = True) -> frozenset[str]:
        """Return the modules that one imports: of this house, and the first part of the names of others."""
        tree = ast.parse(self.paths[module].read_text(encoding="utf-8"))
        found = set()
        for name, part in imports(tree, lazy=lazy):
            if name.partition(".")[0] != "posthue":
                found.add(name.partition(".")[0])
            else:
                found.add(f"{name}.{part}" if f"{name}.{part}" in self.paths else name)
        return frozenset(found)

    def upward(self) -> list[str]:
        """Return the imports that do not lead down."""
        floor = {name: number for number, name in enumerate(FLOORS)}
        return [
            f"{module} -> {target}"
            for module in self.paths
            for target in self.imported(module)
            if target in self.paths
            and self.package(target) != self.package(module)
            and floor[self.package(target)] >= floor[self.package(module)]
        ]

    def circles(self) -> list[str]:
        """Return the packages of which each reaches the other."""
        reach = {package: self._reached(package) for package in FLOORS}
        return [f"{a} <-> {b}" for a in FLOORS for b in FLOORS if a < b and b in reach[a] and a in reach[b]]

    def _reached(self, package: str) -> set[str]:
        below: dict[str, set[str]] = {name: set() for name in FLOORS}
        for module in self.paths:
            targets = {self.package(t) for t in self.imported(module) if t in self.paths}
            below[self.package(module)] |= targets - {self.package(module)}
        seen: set[str] = set()
        ahead = list(below[package])
        while ahead:
            name = ahead.pop()
            if name not in seen:
                seen.add(name)
                ahead += below[name]
        return seen

    def ways_to_torch(self, *, lazy: bool) -> dict[str, list[str]]:
        """Return module → a chain of imports to torch. The packages of a module are imported with it."""
        importers: dict[str, set[str]] = {}
        for module in self.paths:
            for target in self.imported(module, lazy=lazy):
                for depth in range(max(1, target.count("."))):
                    importers.setdefault(target.rsplit(".", depth)[0], set()).add(module)
        ways: dict[str, list[str]] = {name: [name] for name in TORCH}
        ahead = list(ways)
        while ahead:
            reached = ahead.pop(0)
            for module in sorted(importers.get(reached, set()) - set(ways)):
                ways[module] = [module, *ways[reached]]
                ahead.append(module)
        return {module: way for module, way in ways.items() if module in self.paths}


HOUSE = House(SOURCE)


def test_every_package_has_its_floor() -> None:
    assert {HOUSE.package(module) for module in HOUSE.paths} == set(FLOORS)


def test_the_plan_is_the_one_of_the_docs() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    plan = page.partition("## Where a change goes")[0]
    rows = re.findall(r"^\| `([\w/.]+?)/?` \|", plan, flags=re.MULTILINE)
    assert tuple(reversed(rows)) == FLOORS


def test_nothing_imports_upward() -> None:
    assert not HOUSE.upward()


def test_no_packages_go_round_in_a_circle() -> None:
    assert not HOUSE.circles()


def test_a_package_is_small_enough_to_be_looked_over() -> None:
    modules = [HOUSE.package(module) for module, path in HOUSE.paths.items() if path.name != "__init__.py"]
    wide = {package for package in FLOORS if modules.count(package) > MOST_MODULES}
    assert wide <= set(WIDE)
    assert set(WIDE) <= wide, "an exception that is not needed any more"


def test_every_package_says_what_it_is() -> None:
    for package in FLOORS:
        if not package.endswith(".py"):
            doc = ast.get_docstring(ast.parse((SOURCE / package / "__init__.py").read_text(encoding="utf-8")))
            assert doc, package
            assert len(doc.split()) > 2, package


def test_tests_have_the_folders_of_the_packages() -> None:
    tests = ROOT / "tests"
    folders = {path.parent.relative_to(tests).as_posix() for path in tests.rglob("test_*.py")}
    assert folders <= {*FLOORS, *TESTS_OF_NO_PACKAGE}


def test_no_class_name_stands_for_several_things() -> None:
    places: dict[str, list[str]] = {}
    for module, path in HOUSE.paths.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(module)
    assert not {name: modules for name, modules in places.items() if len(modules) > 1}


def to_torch(room: str, *, lazy: bool) -> list[str]:
    """Return the ways to torch from the modules of a first-level package."""
    modules = [module for module in HOUSE.paths if HOUSE.package(module).partition("/")[0] == room]
    assert modules, f"a package that is not there guards nothing: {room}"
    ways = HOUSE.ways_to_torch(lazy=lazy)
    return [" -> ".join(ways[module]) for module in modules if module in ways]


@pytest.mark.parametrize("room", TORCH_FREE)
def test_torch_is_never_reached(room: str) -> None:
    assert not to_torch(room, lazy=True)


@pytest.mark.parametrize("room", TORCH_LAZY)
def test_torch_is_not_imported_before_it_is_needed(room: str) -> None:
    assert not to_torch(room, lazy=False)


def test_a_broken_rule_is_noticed(tmp_path: Path) -> None:
    """The checks above say no to an import that goes up, to a circle, and to torch at the end of a chain."""
    for package in FLOORS:
        if not package.endswith(".py"):
            (tmp_path / package).mkdir(parents=True, exist_ok=True)
            (tmp_path / package / "__init__.py").touch()
    (tmp_path / "data/text.py").write_text("def f():\n    from posthue.runtime.engine import Engine\n")
    (tmp_path / "runtime/engine.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from posthue.data import text\n"
        "import posthue.model.net\n"
    )
    (tmp_path / "model/net.py").write_text("import torch.nn\n")
    house = House(tmp_path)
    assert "posthue.data.text -> posthue.runtime.engine" in house.upward()
    assert house.circles() == ["data <-> runtime"]
    way = house.ways_to_torch(lazy=True)["posthue.data.text"]
    assert way == ["posthue.data.text", "posthue.runtime.engine", "posthue.model.net", "torch"]
    assert "posthue.data.text" not in house.ways_to_torch(lazy=False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_path_of_the_docs_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    rooms = {path.name for path in (*ROOT.iterdir(), *SOURCE.iterdir()) if path.is_dir()}
    named = re.findall(r"(?<![\w/.-])((?:[\w-]+/)+(?:[\w-]+\.(?:py|sh|yaml|csv|css|md|service))?)", text)
    paths = [name for name in named if name.split("/")[0] in rooms - {"demo", "runs", "check"}]
    missing = [n for n in paths if not (ROOT / n).exists() and not (SOURCE / n).exists()]
    assert not missing
    dotted = re.findall(r"\bposthue(?:\.[a-z_]+)+(?=\b)", text)
    assert not [name for name in dotted if not importable(name)]


def importable(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one."""
    return any(name.rsplit(".", cut)[0] in HOUSE.paths for cut in (0, 1)) or name.endswith((".org", ".com"))
