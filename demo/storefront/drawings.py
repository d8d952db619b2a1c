"""Draws product images: one simple shape a kind of merchandise, in the color the name asks for."""

import re
from typing import Final

from demo.storefront.http import Response

# Paths on a field of 120 by 120; the first is the body, the second its details.
SHAPES: Final = {
    "mug": ("M28 38h52v40a12 12 0 0 1-12 12H40a12 12 0 0 1-12-12z", "M80 48h8a12 12 0 0 1 0 26h-8"),
    "bottle": ("M48 34h24l8 14v44a6 6 0 0 1-6 6H46a6 6 0 0 1-6-6V48z", "M52 20h16v14H52z"),
    "tumbler": ("M38 36h44l-7 58a5 5 0 0 1-5 4H50a5 5 0 0 1-5-4z", "M34 28h52v8H34z"),
    "glass": ("M40 28h40l-6 66a5 5 0 0 1-5 4H51a5 5 0 0 1-5-4z", "M44 52h32"),
    "tech": (
        "M36 24h48a6 6 0 0 1 6 6v60a6 6 0 0 1-6 6H36a6 6 0 0 1-6-6V30a6 6 0 0 1 6-6z",
        "M52 84h16",
    ),
    "pen": ("M26 86l6-18 46-46 12 12-46 46z", "M26 86l-4 12 12-4"),
    "book": ("M34 22h48a6 6 0 0 1 6 6v64a6 6 0 0 1-6 6H34z", "M44 22v76M78 22v76"),
    "tee": ("M44 26l-24 14 10 18 10-5v45h40V53l10 5 10-18-24-14a16 12 0 0 1-32 0z", "M40 92h40"),
    "jacket": ("M44 24l-22 14-4 52h18V62v38h48V62v28h18l-4-52-22-14z", "M60 30v70"),
    "cap": ("M26 72a34 34 0 0 1 68 0z", "M60 72h44a30 12 0 0 1-40 12M60 38v-4"),
    "bag": ("M30 48h60l6 48H24z", "M44 48V40a16 16 0 0 1 32 0v8"),
}


def drawing(file: str) -> Response:
    """Return the drawing that `file` names, such as `mug-1f2328.svg`."""
    name = re.fullmatch(r"([a-z]+)-([0-9a-f]{6})\.svg", file)
    if not name or name[1] not in SHAPES:
        return Response(b"Not found", status=404, type="text/plain; charset=UTF-8")
    body, details = SHAPES[name[1]]
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="480" height="480" viewBox="0 0 120 120">'
        '<rect width="120" height="120" fill="#eef1f5"/>'
        f'<path d="{body}" fill="#{name[2]}" stroke="#39424e" stroke-width="2"/>'
        f'<path d="{details}" fill="none" stroke="#39424e" stroke-width="4"/></svg>'
    )
    return Response(svg.encode(), type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})
