from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from serving import png
from starlette.testclient import TestClient

import posthue
from posthue.apps.server import create_app
from posthue.apps.service.settings import ServeSettings
from posthue.apps.web.gist import Gist
from posthue.apps.web.jobs import WebJob, _for_visitor
from posthue.apps.web.markdown import to_html

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>"
SETTINGS = ServeSettings(max_rows=50, max_jobs=3, max_upload=100_000, max_image=5000)


@pytest.fixture
def client(tiny_bundle: Path) -> Iterator[TestClient]:
    with TestClient(create_app(posthue.load(tiny_bundle, threads=1), SETTINGS)) as found:
        yield found


def upload(client: TestClient, name: str, content: bytes, kind: str = "csv") -> dict[str, object]:
    """Upload a file and wait for what comes of it."""
    sent = client.post("/posts/upload", params={"name": name, "as": kind}, content=content)
    assert sent.status_code == 202, sent.text
    return finished(client, sent.json()["id"])


def finished(client: TestClient, key: str) -> dict[str, object]:
    for _ in range(600):
        found = client.get(f"/posts/jobs/{key}").json()
        if found["state"] in ("done", "failed"):
            return {"id": key, **found}
        time.sleep(0.02)
    raise AssertionError("the upload was not finished")


def zipped(**files: bytes | str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return stream.getvalue()


@pytest.mark.parametrize("path", ["/", "/posts", "/explore", "/about"])
def test_pages_load_nothing_from_elsewhere_and_run_no_inline_script(client: TestClient, path: str) -> None:
    found = client.get(path)
    policy = found.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    loaded = re.findall(r'(?:src|href)="([^"]+)"', found.text)
    assert all(link.startswith(("/", "#", "data:image/")) for link in loaded), loaded
    assert re.findall(r"<script[^>]*>", found.text) == re.findall(r"<script defer src=[^>]*>", found.text)
    assert not re.search(r"\son\w+=", found.text)
    assert 'lang="en"' in found.text
    assert found.text.count("<h1>") == 1
    assert found.text.count('aria-current="page"') == 1


def test_assets(client: TestClient) -> None:
    page = client.get("/").text
    for link in re.findall(r'"(/static/[^"]+)"', page):
        found = client.get(link)
        assert found.status_code == 200
        assert "immutable" in found.headers["cache-control"]
        assert "http" not in re.sub(r"https?://www\.w3\.org", "", found.text).replace("http-equiv", "")


def test_every_field_has_a_label(client: TestClient) -> None:
    for path in ("/", "/posts"):
        page = client.get(path).text
        for field in re.findall(r"<(?:input|textarea|select)[^>]*>", page):
            found = re.search(r'id="([^"]+)"', field)
            assert found is not None
            assert f'for="{found[1]}"' in page


def test_a_post_without_a_script_gets_a_whole_page(client: TestClient) -> None:
    found = client.post("/", data={"text": "happy " * 11 + HOSTILE}, files={"image": ("a.png", png())})
    assert found.status_code == 200
    assert "<!doctype html>" in found.text
    assert "<script>alert" not in found.text
    assert "mixed: the text says <b>positive</b>, the picture says <b>negative</b>" in found.text
    nothing = client.post("/", data={"text": ""}, files={"image": ("", b"")})
    assert nothing.status_code == 422
    unread = client.post("/", data={"text": "kept <b>"}, files={"image": ("a.png", b"no picture")})
    for page in (unread.text, client.post("/", data={"text": "kept <b>"}, files={"x": b""}).text):
        assert re.search(r"<textarea[^>]*>kept &lt;b&gt;</textarea>", page)
    assert 'role="alert"' in nothing.text


def test_the_parts_for_the_script(client: TestClient) -> None:
    found = client.post("/predict", files={"image": ("a.png", png())})
    assert found.text.startswith('<div class="found"><h2 tabindex="-1">')
    bad = client.post("/predict", files={"image": ("a.png", b"no picture")})
    assert bad.status_code == 422
    assert bad.text.startswith('<p class="alert" role="alert">not a picture')


def test_why_shows_words_and_picture(client: TestClient) -> None:
    sent = {"text": f"happy {HOSTILE}", "scheme": "sentiment"}
    found = client.post("/why", data=sent, files={"image": ("a.png", png())})
    assert found.status_code == 200
    assert "Heat map" in found.text
    assert "speaks against it" in found.text
    assert "<script>" not in found.text
    assert client.post("/why", data={"text": "a", "scheme": "nope"}, files={"x": b""}).status_code == 422


def test_other_sites_cannot_send_for_their_visitors(client: TestClient) -> None:
    for path in ("/", "/predict", "/why", "/posts/upload?name=a.csv", "/posts/examples"):
        assert (
            client.post(path, data={"text": "a"}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        )


def test_a_table_is_predicted_shown_explored_downloaded_and_gone(client: TestClient) -> None:
    table = f'id,text,likes\na,happy day,3\nb,"sad {HOSTILE}",4\nc,,5\n'
    found = upload(client, "my posts.csv", table.encode())
    assert found["state"] == "done"
    assert found["done"] == 3
    html = str(found["html"])
    assert "my posts.csv: 2 of 3 posts scored" in html
    assert "neither text nor image" in html
    assert "<script>" not in html
    explored = client.get("/explore", params={"job": str(found["id"])})
    assert "Strongest posts: sentiment" in explored.text
    assert "<script>alert" not in explored.text
    result = client.get(f"/posts/jobs/{found['id']}/result")
    assert result.headers["content-disposition"] == "attachment; filename*=utf-8''my%20posts.scored.csv"
    lines = result.text.splitlines()
    assert lines[0].startswith("id,text,likes,sentiment,sentiment_negative")
    assert len(lines) == 4
    client.delete(f"/posts/jobs/{found['id']}")
    assert client.get(f"/posts/jobs/{found['id']}/result").status_code == 404


def test_nothing_of_an_upload_stays_on_disk(client: TestClient) -> None:
    jobs = client.app.state.jobs  # type: ignore[attr-defined]
    found = upload(client, "a.csv", b"text\nhappy\n")
    job = jobs.find(str(found["id"]))
    assert [path.name for path in job.folder.iterdir()] == ["scored.csv"]
    assert client.delete(f"/posts/jobs/{job.id}").status_code == 204
    assert not job.folder.exists()
    assert client.get(f"/posts/jobs/{job.id}").status_code == 404


def test_results_that_nobody_fetches_go_by_themselves(tiny_bundle: Path) -> None:
    settings = ServeSettings(job_seconds=0.2)
    with TestClient(create_app(posthue.load(tiny_bundle, threads=1), settings)) as client:
        jobs = client.app.state.jobs  # type: ignore[attr-defined]
        found = upload(client, "a.csv", b"text\nhappy\n")
        folder = jobs._jobs[found["id"]].folder
        for _ in range(200):
            if not folder.exists():
                break
            time.sleep(0.02)
        assert not folder.exists()
        root = jobs._root
    assert not root.exists()


def test_a_table_cannot_name_files_of_the_server(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(png())
    paths = [str(tmp_path / "secret.png"), "../../secret.png", "/etc/passwd", "upload.csv", "http://x/a.png"]
    found = upload(client, "a.csv", ("text,image\n" + "".join(f"happy,{path}\n" for path in paths)).encode())
    html = str(found["html"])
    assert "0 of 5 posts scored" in html
    assert html.count("not in the upload (put both in one zip)") == 5
    assert str(client.app.state.jobs._root) not in html  # type: ignore[attr-defined]


def test_a_zip_with_a_table_and_its_pictures(client: TestClient) -> None:
    table = "text,image\nhappy,pics/green.png\nsad,./pics/red.png\nx,pics/missing.png\ny,big.png\n"
    content = zipped(
        posts_dot_csv=table, pics__green_dot_png=png("lime"), pics__red_dot_png=png(), big_dot_png=bytes(6000)
    )
    found = upload(client, "all.zip", content, "jsonl")
    rows = [json.loads(line) for line in client.get(f"/posts/jobs/{found['id']}/result").text.splitlines()]
    assert [row["sentiment"] for row in rows] == ["positive", "negative", None, None]
    assert [row["image"] for row in rows][:2] == ["pics/green.png", "./pics/red.png"]
    assert "not in the upload" in rows[2]["error"]
    assert "more than 5,000 bytes" in rows[3]["error"]


def test_a_zip_of_a_folder(client: TestClient) -> None:
    table = "text,image\na,pictures/green.png\nb,x/pictures/red.png\nc,../top.png\nd,../../../etc/passwd\n"
    pictures = {"x__pictures__green_dot_png": png("lime"), "x__pictures__red_dot_png": png()}
    found = upload(
        client, "x.zip", zipped(x__posts_dot_csv=table, top_dot_png=png("lime"), **pictures), "jsonl"
    )
    rows = [json.loads(line) for line in client.get(f"/posts/jobs/{found['id']}/result").text.splitlines()]
    assert [row["error"] is None for row in rows] == [True, True, True, False]
    assert "not in the upload" in rows[3]["error"]


def test_a_zip_of_pictures(client: TestClient) -> None:
    found = upload(client, "p.zip", zipped(a_dot_png=png("lime"), b_dot_png=b"none"))
    assert "1 of 2 posts scored" in str(found["html"])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"likes\n3\n", "no column looks like a text or an image; name the column text or image. "),
        ("a.zip", b"nothing", "a.zip: not a readable zip"),
        ("a.zip", zipped(a_dot_csv="text\na\n", b_dot_csv="text\nb\n"), "holds 2 tables"),
        ("a.zip", zipped(readme_dot_txt="hi"), "no pictures in this zip"),
        ("a.csv", b"text\n" + b"happy\n" * 60, "more than 50 rows"),
    ],
)
def test_files_that_cannot_be_predicted(client: TestClient, name: str, content: bytes, reason: str) -> None:
    found = upload(client, name, content)
    assert found["state"] == "failed"
    assert reason in str(found["message"])
    assert not re.search("posthue-serve-|upload[.](csv|zip)|--text-column", str(found["message"]))


def test_a_zip_that_unpacks_to_too_much(client: TestClient) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"text\n" + b"happy\n" * 400_000)
    found = upload(client, "bomb.zip", stream.getvalue())
    assert "unpacked are more than 1,000,000" in str(found["message"])


def test_uploads_have_limits(client: TestClient) -> None:
    post = client.post
    assert post("/posts/upload?name=a.csv", content=bytes(100_001)).status_code == 413
    assert post("/posts/upload?name=a.csv", content=b"").status_code == 422
    assert post("/posts/upload", content=b"text\na\n").status_code == 422
    assert post("/posts/upload?name=a.csv&as=xlsx", content=b"text\na\n").status_code == 422
    assert post("/posts/upload?name=..%2F..%2Fa.c%2Fsv", content=b"text\na\n").status_code == 422
    assert not client.app.state.jobs._jobs  # type: ignore[attr-defined]
    for _ in range(3):
        upload(client, "a.csv", b"text\nhappy\n")
    refused = post("/posts/upload?name=a.csv", content=b"text\na\n")
    assert refused.status_code == 503
    assert 880 <= int(refused.headers["retry-after"]) <= 905


def test_a_broken_download_takes_nothing_away(client: TestClient) -> None:
    address = f"/posts/jobs/{upload(client, 'a.csv', b'text' + bytes([10]) + b'happy')['id']}/result"
    part = client.get(address, headers={"Range": "bytes=0-9"})
    assert (part.status_code, len(part.content)) == (206, 10)
    for _ in range(2):
        assert client.get(address).text.startswith("id,text,sentiment")


def test_files_of_another_kind_open_no_job(client: TestClient) -> None:
    for name in ("a.exe", "a.parquet", "posts.csv.gz"):
        refused = client.post("/posts/upload", params={"name": name}, content=b"MZ")
        assert refused.status_code == 422
        assert refused.json()["message"] == f"{name}: upload a csv, tsv or jsonl table, or a zip"
    assert not client.app.state.jobs._jobs  # type: ignore[attr-defined]


def test_failed_and_fetched_uploads_make_room(client: TestClient) -> None:
    failed = [upload(client, "a.csv", b"likes\n1\n")["id"] for _ in range(3)]
    kept = [upload(client, "a.csv", b"text\nhappy\n")["id"] for _ in range(3)]
    assert client.get(f"/posts/jobs/{failed[0]}").status_code == 404
    sent = {"params": {"name": "a.csv"}, "content": b"text\nsad\n"}
    assert client.post("/posts/upload", **sent).status_code == 503  # type: ignore[arg-type]
    for key in (kept[1], kept[0]):
        assert client.get(f"/posts/jobs/{key}/result").status_code == 200
    finished(client, client.post("/posts/upload", **sent).json()["id"])  # type: ignore[arg-type]
    assert [client.get(f"/posts/jobs/{key}").status_code for key in kept] == [200, 404, 200]


def test_errors_call_the_file_as_its_owner_does() -> None:
    gist = Gist({})
    folder = Path("/tmp/posthue-serve-x/y")
    job = WebJob("k", "my upload.csv", folder, "csv", gist, source=folder / "upload.csv")
    said = {
        f"{folder}/upload.csv: broken": "my upload.csv: broken",
        "cannot read upload.csv": "cannot read my upload.csv",
        f"{folder}/table.tsv, line 3": "my upload.csv, line 3",
        "data/table.csv: too long": "data/table.csv: too long",
        f"in {folder}": "in my upload.csv",
    }
    for message, shown in said.items():
        assert _for_visitor(message, job) == shown


def test_uploads_are_counted(client: TestClient) -> None:
    upload(client, "a.csv", b"text,image\nhappy,\nsad,\n,gone.png\n")
    counted = client.get("/metrics").text
    assert 'posthue_posts_total{outcome="predicted"} 2.0' in counted
    assert 'posthue_posts_total{outcome="failed"} 1.0' in counted


def test_the_example_posts(client: TestClient) -> None:
    found = finished(client, client.post("/posts/examples").json()["id"])
    assert found["state"] == "done"
    assert str(Path(posthue.__file__).parent) not in str(found["html"])
    assert "posts scored" in str(found["html"])


def test_unknown_jobs(client: TestClient) -> None:
    assert client.get("/posts/jobs/x").status_code == 404
    assert client.get("/posts/jobs/x/result").status_code == 404
    assert client.delete("/posts/jobs/x").status_code == 404
    assert client.get("/explore?job=x").status_code == 404


def test_the_page_can_be_left_out(tiny_bundle: Path) -> None:
    with TestClient(create_app(posthue.load(tiny_bundle), ServeSettings(web=False))) as client:
        assert client.get("/").status_code == 404
        assert client.get("/v1/model").status_code == 200


def test_markdown() -> None:
    source = "# Title\n\ntwo\nlines <b>\n\n- one\n  more\n- **two** `x`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    found = to_html(source)
    assert found.startswith("<h3>Title</h3>\n<p>two\nlines &lt;b&gt;</p>\n")
    assert "<ul>\n<li>one\nmore</li>\n<li><strong>two</strong> <code>x</code></li>\n</ul>" in found
    table = found[found.index('<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>') :]
    assert table.endswith("</table></div>")
    assert '<th scope="col">a</th>\n<th scope="col">b</th>' in table
    assert "<td>1</td>\n<td>2</td>" in table


class Tags(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "text <b onclick=alert(1)>b</b> <!-- c -->",
        "[a](javascript:alert(1)) [b](data:text/html,x) [c](vbscript:x) [d](file:///etc/passwd)",
        "[e](/v1/model) [f](//example.org) [g](JavaScript:alert(1)) [h](java&#115;cript:alert(1))",
        '<javascript:alert(1)> <https://example.org/"onmouseover=alert(1)>',
        '[a](https://example.org "\\" onmouseover=alert(1)")',
        "![p](https://example.org/track.png) ![q](data:image/png;base64,AA)",
        "[x]: javascript:alert(1)\n\n[x] and [y][x]",
        '```"><script>\nx\n```',
        "# <script>\n\n| <script> |\n|---|\n| `</code><script>` |",
        "> " * 5000 + "deep",
        "&lt;script&gt; &#60;script&#62; \x00\x1b[31m \u202e \ud83d",
    ],
)
def test_hostile_markdown_is_text(source: str) -> None:
    html = to_html(source)
    html.encode("utf-8")
    page = Tags(html)
    plain = {"p", "h3", "h4", "pre", "code", "blockquote", "div", "table", "thead", "tbody", "tr", "th", "td"}
    assert {tag for tag, _ in page.tags} <= {*plain, "a"}
    allowed = {"href", "rel", "title", "class", "scope", "tabindex", "role", "aria-label"}
    assert {name for _, attributes in page.tags for name in attributes} <= allowed
    links = [attributes["href"] or "" for tag, attributes in page.tags if tag == "a"]
    assert all(link.startswith("https://example.org") for link in links)
    assert not set("\x00\x1b\u202e") & set(html)


def test_links_of_a_card_lead_to_the_web() -> None:
    found = to_html("[site](https://example.org/?a=1&b=2) and <http://example.org>")
    assert '<a href="https://example.org/?a=1&amp;b=2" rel="noreferrer nofollow">site</a>' in found
    assert '<a href="http://example.org" rel="noreferrer nofollow">http://example.org</a>' in found


def test_the_metadata_of_a_card_is_left_out() -> None:
    assert to_html("---\nlicense: unknown\ntags:\n- onnx\n---\n\n# A card\n") == "<h3>A card</h3>\n"
    assert "<hr" in to_html("# A card\n\n---\n\nmore\n\n---\n")
