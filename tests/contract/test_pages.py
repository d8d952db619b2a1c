"""The pages for partners: the guide, its table of errors and its client; the reference; nothing from elsewhere."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

from contract.guide import error_table, guide
from contract.problems import _TITLES, ERRORS
from tests.document import DOCUMENT, document
from tests.guide import GUIDE, blocks, guide_client

PAGES = ("/docs/", "/docs/reference")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_nothing_from_elsewhere(page):
    answer = Client().get(page)
    assert answer.status_code == 200
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    html = answer.content.decode()
    loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="([^"]+)"', html)
    assert loaded
    for address in loaded:
        assert address.startswith("/static/")
        assert finders.find(address.removeprefix("/static/")), address
    assert not re.search(r"<script>|<style|javascript:| on[a-z]+=", html)


@pytest.mark.parametrize("page", [*PAGES, "/docs/openapi_v1.yaml"])
def test_pages_are_for_reading(page):
    assert Client().head(page).status_code == 200
    assert Client().post(page).status_code == 405


def test_the_document_is_served_as_it_is_committed():
    assert Client().get("/docs/openapi_v1.yaml").content == DOCUMENT.read_bytes()


def test_the_guide_links_to_its_chapters():
    html = Client().get("/docs/").content.decode()
    chapters = re.findall(r'<a href="#([^"]+)">', html)
    assert chapters[:3] == ["quick-start", "paging", "what-did-not-change-costs-little"]
    for anchor in chapters:
        assert f'<h2 id="{anchor}">' in html
    assert "<table>" in html
    assert "&quot;sku&quot;" in html


# -- what the guide says is so ------------------------------------------------------------------


def test_every_error_is_in_the_guide():
    for code, error in ERRORS.items():
        assert f"| {error.status} | `{code}` |" in guide()
    assert error_table().count("\n") == len(ERRORS) - 1
    assert "<!-- errors -->" in GUIDE.read_text()


def modules() -> list[ast.Module]:
    """Return the code of /v1 and of its door, without the table itself."""
    rooms = [Path(settings.BASE_DIR, room) for room in ("contract", "apikeys", "outbound_hooks")]
    files = [file for room in rooms for file in room.rglob("*.py") if file.name != "problems.py"]
    return [ast.parse(file.read_text()) for file in (*files, Path(rooms[0], "problems.py"))]


def refusals() -> set[tuple[int, str]]:
    """Return the status and the code of every `Problem` that names them where it is made."""
    return {
        tuple(ast.literal_eval(each) for each in node.args[:2])
        for module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem"
        if isinstance(node.args[1], ast.Constant)
    }


def test_every_refusal_is_in_the_table_of_errors_and_in_the_document():
    assert refusals() <= {(error.status, code) for code, error in ERRORS.items()}
    said = [
        node.value
        for module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant)
    ]
    for code in ERRORS:  # in the table itself, and where it is refused with
        assert said.count(code) >= 2, code
    assert {error.status for error in ERRORS.values()} == set(_TITLES)
    described = {
        int(status)
        for methods in document()["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
    }
    assert described == set(_TITLES) | {200, 201, 204, 304}


def test_the_guide_names_every_route():
    for path in document()["paths"]:
        named = path.replace("{sku}", "MUG-11-BLK").replace("{public_id}", "{id}")
        assert named in GUIDE.read_text(), path


def test_the_client_is_short_and_whole():
    client, loop = blocks()
    lines = [line for line in client.splitlines() if line.strip() and '"""' not in line]
    assert len(lines) <= 35
    assert guide_client()(None).cursor is None
    compile(loop, "guide.md", "exec")


def test_the_client_says_what_was_refused_and_keeps_its_cursor():
    refused = {"code": "rate_limited", "detail": "Try again in 3 s."}
    copy = guide_client()(lambda _: (429, refused))
    copy.cursor = "here"
    with pytest.raises(OSError, match="429 rate_limited: Try again in 3 s."):
        copy.poll()
    assert copy.cursor == "here"


def test_the_client_starts_over_when_its_cursor_is_gone():
    copy = guide_client()(lambda _: (410, {"code": "cursor_gone", "detail": ""}))
    copy.cursor, copy.items, copy.versions, copy.floor = "old", {"A": {}}, {"A": "1"}, "1"
    assert copy.poll() is True
    assert (copy.cursor, copy.items, copy.versions, copy.floor) == (None, {}, {}, None)
