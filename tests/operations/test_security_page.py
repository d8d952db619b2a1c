"""Every test that SECURITY.md names is there."""

import re

import pytest

from groundwork.local import CHECKOUT

ROWS = re.findall(
    r"^\| .+ \| (tests/\S+?)::(\w+) \|$", (CHECKOUT / "SECURITY.md").read_text(), re.MULTILINE
)


def test_every_risk_of_the_ten_has_a_row():
    page = (CHECKOUT / "SECURITY.md").read_text()
    assert set(re.findall(r"^\| (API\d+)", page, re.MULTILINE)) == {f"API{n}" for n in range(1, 11)}
    assert len(ROWS) == page.count("::test_")


@pytest.mark.parametrize(("file", "name"), ROWS)
def test_what_a_row_names_exists(file, name):
    code = (CHECKOUT / file).read_text()
    assert re.search(rf"^def {name}\w*\(", code, re.MULTILINE), (file, name)
