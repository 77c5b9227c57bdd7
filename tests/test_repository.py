"""Promises of the repository itself: no pickle, no machine's own paths, links that lead somewhere."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import posthue
from posthue.data.corpora import list_corpora

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("*/README.md")),
]
TEXTS = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".csv", ".css", ".cfg", ""}
PLACES = [ROOT / name for name in ("src", "tests", "docs", "examples", "benchmarks", "recipes", ".ci")]
UNSAFE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}

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
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == posthue.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[?{re.escape(posthue.__version__)}\b", changelog, flags=re.MULTILINE)


def test_every_dependency_is_in_the_tested_set() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE))
    extras = [name for extra in project["optional-dependencies"].values() for name in extra]
    wanted = {re.split(r"[\[<>=~!; ]", name)[0].lower() for name in [*project["dependencies"], *extras]}
    assert wanted - {"posthue"} <= pinned


def test_the_shipped_graphs_hold_no_path_of_the_machine_that_made_them() -> None:
    graphs = sorted((ROOT / "src/posthue/bundles").rglob("*.onnx"))
    assert graphs, "the default model is not here"
    for graph in graphs:
        content = graph.read_bytes()
        assert b"site-packages" not in content, graph
        assert b"stack_trace" not in content, graph
