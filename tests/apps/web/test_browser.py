"""The pages in a real browser: Chromium, driven by Playwright. Skipped where either is missing."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import png, running

import posthue
from posthue.apps.service.settings import ServeSettings

playwright_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = os.environ.get("POSTHUE_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (POSTHUE_CHROMIUM names it)"),
    pytest.mark.filterwarnings("ignore"),
]
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>'


@pytest.fixture(scope="module")
def address(tiny_bundle: Path) -> Iterator[str]:
    with running(posthue.load(tiny_bundle, threads=1), ServeSettings(max_upload=100_000)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright_api.sync_playwright() as playwright:
        args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        yield found
        found.close()


@pytest.fixture(params=[1280, 390])
def page(request: pytest.FixtureRequest, browser: Any, address: str) -> Iterator[Any]:
    """A page at a desktop's and a phone's width; errors in it, and requests to elsewhere, fail the test."""
    context = browser.new_context(
        viewport={"width": request.param, "height": 844}, base_url=address, accept_downloads=True
    )
    found = context.new_page()
    found.set_default_timeout(60_000)
    troubles: list[str] = []
    found.on("pageerror", lambda error: troubles.append(str(error)))
    found.on(
        "console",
        lambda message: (
            troubles.append(message.text)
            if message.type == "error" and not re.search("status of 4|ERR_FAILED", message.text)
            else None
        ),
    )
    found.on(
        "request",
        lambda sent: None if sent.url.startswith((address, "blob:", "data:")) else troubles.append(sent.url),
    )
    yield found
    assert found.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    context.close()
    assert not troubles


def test_one_post(page: Any, tmp_path: Path) -> None:
    (tmp_path / "red.png").write_bytes(png(size=(120, 90)))
    page.goto("/")
    page.get_by_label("Text of the post").fill("happy " * 11 + HOSTILE)
    page.get_by_label("Picture of the post").set_input_files(tmp_path / "red.png")
    assert page.get_by_alt_text("The chosen picture").is_visible()
    page.get_by_role("button", name="Predict this post").click()
    page.locator(".found").wait_for()
    assert page.locator(".label.big").all_inner_texts()[0].startswith("negative")
    assert "the text says positive, the picture says negative" in page.locator(".mixed").first.inner_text()
    assert "Who decided" in page.locator("#result").inner_text()
    page.get_by_role("heading", name="Why negative").wait_for()
    assert page.locator(".saying span").count() >= 2
    assert (
        page.get_by_alt_text("Heat map: which regions speak for the label").evaluate("i => i.naturalWidth")
        > 0
    )
    page.get_by_role("button", name="Why ").nth(1).click()
    page.wait_for_function(
        "document.querySelectorAll('[data-why]')[1].getAttribute('aria-pressed') === 'true'"
    )
    assert page.title() == "One post · posthue"


def test_a_picture_can_be_dropped_pasted_and_removed(page: Any) -> None:
    page.goto("/")
    give = """([bytes, name, kind, target]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
        const init = {bubbles: true, cancelable: true};
        const event = kind === "drop" ? new DragEvent("drop", {...init, dataTransfer: data})
                                      : new ClipboardEvent("paste", {...init, clipboardData: data});
        document.querySelector(target).dispatchEvent(event);
    }"""
    for kind, target in (("drop", "#drop"), ("paste", "#text")):
        page.evaluate(give, [list(png("lime")), "green.png", kind, target])
        assert page.locator("#preview figcaption").inner_text() == "green.png"
        page.get_by_role("button", name="Predict this post").click()
        page.locator(".found").wait_for()
        assert page.locator(".label.big").first.inner_text().startswith("positive")
        page.get_by_role("button", name="Remove the picture").click()
        assert page.locator("#preview").is_hidden()
        page.get_by_role("button", name="Clear").click()
        page.locator(".empty").wait_for()


def test_errors_are_said(page: Any, tmp_path: Path) -> None:
    page.goto("/")
    page.get_by_role("button", name="Predict this post").click()
    assert page.get_by_role("alert").inner_text() == "Give a text, a picture, or both."
    (tmp_path / "broken.png").write_bytes(b"no picture")
    page.get_by_label("Picture of the post").set_input_files(tmp_path / "broken.png")
    page.get_by_role("button", name="Predict this post").click()
    page.get_by_text("not a picture, or not JPEG").wait_for()
    assert page.get_by_role("alert").is_visible()
    page.route("**/predict", lambda route: route.abort())
    page.get_by_label("Text of the post").fill("happy")
    page.get_by_role("button", name="Predict this post").click()
    page.get_by_text("The server cannot be reached").wait_for()


def test_a_late_answer_is_not_shown_beside_another_post(page: Any) -> None:
    page.goto("/")
    late: list[Any] = []
    page.route("**/predict", lambda route: late.append(route), times=1)  # noqa: PLW0108
    text, result = page.get_by_label("Text of the post"), page.locator("#result")
    text.fill("sad sad day")
    text.press("Control+Enter")
    page.wait_for_function("document.querySelector('#result').classList.contains('busy')")
    text.fill("happy happy day")
    text.press("Control+Enter")
    result.get_by_text("positive").first.wait_for()
    late.pop().fulfill(body='<p class="found">the first post</p>')
    page.get_by_role("heading", name="Why positive").wait_for()
    assert "the first post" not in result.inner_text()
    page.route("**/predict", lambda route: late.append(route), times=1)  # noqa: PLW0108
    text.press("Control+Enter")
    page.get_by_role("button", name="Clear").click()
    late.pop().fulfill(body='<p class="found">the cleared post</p>')
    page.wait_for_timeout(200)
    assert page.locator(".empty").is_visible()
    assert page.get_by_role("button", name="Predict this post").is_enabled()


def test_everything_can_be_done_with_the_keyboard(page: Any) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "text"
    page.keyboard.type("sad day")
    page.keyboard.press("Control+Enter")
    page.locator(".found").wait_for()
    assert page.evaluate("document.activeElement.tagName") == "H2"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.why") == "sentiment"
    reached = set()
    page.locator("#text").focus()
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.innerText"))
    assert {"image", "Predict this post", "Clear"} <= reached


def test_many_posts(page: Any, tmp_path: Path) -> None:
    hostile = HOSTILE.replace('"', '""')
    rows = "".join(f'{number},"{"happy" if number % 3 else "sad"} day {hostile}"\n' for number in range(300))
    (tmp_path / "posts.csv").write_text("id,text\n" + rows, encoding="utf-8")
    page.goto("/posts")
    page.get_by_label("File with posts").set_input_files(tmp_path / "posts.csv")
    page.get_by_role("button", name="Score all posts").click()
    page.get_by_role("heading", name="posts.csv: 300 of 300 posts scored").wait_for()
    assert page.locator("#progress").is_hidden()
    assert page.locator("tbody tr").count() == 200
    page.get_by_role("link", name="Explore it").click()
    page.get_by_role("heading", name="How sure").wait_for()
    assert page.title() == "Explore · posthue"
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the result").click()
    assert download.value.suggested_filename == "posts.scored.csv"
    assert len(Path(download.value.path()).read_text(encoding="utf-8").splitlines()) == 301


def test_many_posts_deleted_and_refused(page: Any, tmp_path: Path) -> None:
    page.goto("/posts")
    page.get_by_role("button", name="Score all posts").click()
    assert page.get_by_role("alert").inner_text() == "Choose a file first."
    for name, content, message in (
        ("likes.csv", b"likes\n1\n", "no column looks like a text"),
        ("large.csv", bytes(100_001), "100,000 bytes"),
    ):
        (tmp_path / name).write_bytes(content)
        page.get_by_label("File with posts").set_input_files(tmp_path / name)
        page.get_by_role("button", name="Score all posts").click()
        page.get_by_text(message).or_(page.get_by_text("no file so large")).first.wait_for()
    page.get_by_role("button", name="Try with the example posts").click()
    page.get_by_role("button", name="Delete it now").click()
    page.get_by_text("the file and its result are gone").wait_for()


def test_dark_mode_and_about(page: Any) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/about")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, ground.removeprefix("rgb(").removesuffix(")").split(","))) < 150
    page.get_by_role("heading", name="What happens with what you send").wait_for()
