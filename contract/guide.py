"""The partners' guide as a page: Markdown of `docs/`, with the table of errors put in."""

import re
from functools import cache
from itertools import pairwise

from django.conf import settings
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML

from contract.problems import ERRORS

FOLDER = settings.BASE_DIR / "docs"
_ERRORS_HERE = "<!-- errors -->"


def error_table() -> str:
    """Return the rows of the guide's table of errors."""
    return "\n".join(
        f"| {error.status} | `{code}` | {error.when} | {error.what_to_do} |"
        for code, error in sorted(ERRORS.items(), key=lambda each: (each[1].status, each[0]))
    )


def guide() -> str:
    """Return the guide in Markdown."""
    return (FOLDER / "guide.md").read_text().replace(_ERRORS_HERE, error_table())


@cache
def guide_page() -> tuple[str, list[tuple[str, str]]]:
    """Return the guide in HTML, and its chapters, each by its anchor."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(guide())
    chapters = []
    for opening, text in pairwise(tokens):
        if opening.type == "heading_open" and opening.tag == "h2":
            anchor = re.sub(r"[^a-z0-9]+", "-", text.content.lower()).strip("-")
            opening.attrSet("id", anchor)
            chapters.append((anchor, text.content))
    return RendererHTML().render(tokens, markdown.options, {}), chapters


@cache
def document() -> bytes:
    """Return the OpenAPI document as it is committed."""
    return (FOLDER / "openapi_v1.yaml").read_bytes()
