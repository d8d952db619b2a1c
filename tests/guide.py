"""The partners' client, as the guide prints it."""

import re
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).parent.parent / "docs" / "guide.md"


def blocks() -> list[str]:
    """Return the Python of the guide: the client, and what asks for it."""
    return re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


def guide_client() -> Any:
    """Return the class `Copy`."""
    names: dict[str, Any] = {}
    exec(blocks()[0], names)  # noqa: S102 - it is ours
    return names["Copy"]
