"""Promises of the repository itself: no pickle, no machine's own paths, links that lead somewhere."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import posthue
from posthue.data.corpora import list_corpora
from test_structure import HOUSE, imports

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("*/README.md")),
]
TEXTS = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".csv", ".css", ".cfg", ""}
PLACES = [ROOT / name for name in ("src", "tests", "docs", "examples", "benchmarks", "recipes", ".ci")]
UNSAFE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}

#: By module. An extra that is not installed here is called as its module.
DISTRIBUTIONS = packages_distributions()

#: Packages whose modules may import an extra when they are imported. All others import it where they need it.
EXTRA_OF = {
    "apps/api": "serve",
    "apps/service": "serve",
    "apps/web": "serve",
    "posthue.apps.server": "serve",
    "apps/telegram": "bot",
    "graphs": "train",
    "model": "train",
    "training": "train",
    "insight/runs": "train",
    "posthue.baselines.tfidf": "train",
}
#: Declared, imported by others only.
NOT_IMPORTED = {
    "python-multipart": "starlette reads forms with it",
    "httptools": "uvicorn parses requests with it",
    "uvloop": "uvicorn's event loop",
    "onnxscript": "torch exports through it",
}

#: Absolute paths of somebody's machine; put together here so that this file holds none itself.
OWN_PATH = re.compile("/(?:" + "|".join(("home", "work", "root", "Users", "opt", "mnt")) + r")/[A-Za-z.]")


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_imports_pickle(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not UNSAFE & set(imported(tree))


def test_runtime_and_data_import_no_torch() -> None:
    rooms = ("runtime", "data", "apps/cli/main.py")
    for path in SOURCES:
        name = path.relative_to(ROOT / "src" / "posthue").as_posix()
        if name.startswith(rooms):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            assert not {"torch", "transformers"} & set(imported(tree)), name


def test_no_path_of_somebodys_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in repository_texts()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if OWN_PATH.search(line)
    ]
    assert not found


def repository_texts() -> Iterator[Path]:
    for path in ROOT.iterdir():
        if path.is_file() and path.suffix in TEXTS and path.name != ".git":  # a file in a worktree
            yield path
    for place in PLACES:
        for path in place.rglob("*"):
            if path.is_file() and path.suffix in TEXTS and "__pycache__" not in path.parts:
                yield path


def links(page: Path) -> Iterator[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_the_docs_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_corpus_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    assert not [info.name for info in list_corpora() if info.name not in page]


def test_the_version_is_one_and_in_the_changelog() -> None:
    assert PROJECT["version"] == posthue.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[?{re.escape(posthue.__version__)}\b", changelog, flags=re.MULTILINE)


def declared(requirements: list[str]) -> set[str]:
    """Return the names of some requirements."""
    return {re.split(r"[\[<>=~!; ]", name)[0].lower() for name in requirements} - {"posthue"}


def distributions(module: str, *, lazy: bool) -> set[str]:
    """Return the distributions, of other projects, that a module imports by a statement or by name."""
    tree = ast.parse(HOUSE.paths[module].read_text(encoding="utf-8"))
    names = {name.partition(".")[0] for name, _ in imports(tree, lazy=lazy)}
    if lazy:
        names |= set(re.findall(r'import_module\("(\w+)', ast.unparse(tree).replace("'", '"')))
    names -= {"posthue", *sys.stdlib_module_names}
    return {DISTRIBUTIONS.get(name, [name])[0].lower().replace("_", "-") for name in names}


def extra_of(module: str) -> str | None:
    package = HOUSE.package(module)
    places = (module, package, package.partition("/")[0])
    return next((EXTRA_OF[place] for place in places if place in EXTRA_OF), None)


def test_every_dependency_is_in_the_tested_set() -> None:
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE))
    wanted = declared([*PROJECT["dependencies"], *(name for extra in EXTRAS.values() for name in extra)])
    assert wanted <= pinned


def test_all_has_every_extra() -> None:
    (everything,) = EXTRAS["all"]
    named = set(everything.partition("[")[2].rstrip("]").split(","))
    assert named == set(EXTRAS) - {"all", "dev"}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    imported = {name for module in HOUSE.paths for name in distributions(module, lazy=True)}
    used = [name for extra in set(EXTRAS) - {"all", "dev"} for name in EXTRAS[extra]]
    assert imported | set(NOT_IMPORTED) == declared([*PROJECT["dependencies"], *used])
    assert not imported & set(NOT_IMPORTED)


@pytest.mark.parametrize("module", HOUSE.paths)
def test_a_module_is_imported_with_the_core_or_its_own_extra(module: str) -> None:
    extra = extra_of(module)
    allowed = declared([*PROJECT["dependencies"], *EXTRAS.get(extra, ())])
    assert distributions(module, lazy=False) <= allowed
    others = {name for name in HOUSE.imported(module, lazy=False) if name in HOUSE.paths}
    assert {extra_of(name) for name in others} <= {None, extra}


def test_the_shipped_graphs_hold_no_path_of_the_machine_that_made_them() -> None:
    graphs = sorted((ROOT / "src/posthue/bundles").rglob("*.onnx"))
    assert graphs, "the default model is not here"
    for graph in graphs:
        content = graph.read_bytes()
        assert b"site-packages" not in content, graph
        assert b"stack_trace" not in content, graph
