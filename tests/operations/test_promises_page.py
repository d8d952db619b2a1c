"""Each promise has a test, and docs/promises.md tells of all of them."""

import pytest

from groundwork.local import CHECKOUT
from tests import figures


def names_of(where: str) -> list[str]:
    module, _, test = where.partition("::")
    code = (CHECKOUT / "tests" / f"{module.replace('.', '/')}.py").read_text()
    return [line for line in code.splitlines() if line.startswith(f"def {test or 'test_'}")]


@pytest.mark.parametrize("promise", figures.PROMISES)
def test_every_promise_names_tests_that_exist(promise):
    for where in figures.PROMISES[promise][1]:
        assert names_of(where), where


def test_the_page_has_a_row_for_each_and_figures_of_a_run():
    page = figures.PAGE.read_text()
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")]
    assert rows[1:] == list(figures.PROMISES)
    assert "| 0 passed" not in page
    assert " failed" not in page
    assert page.count(" passed") == len(figures.PROMISES)


REPORT = """<testsuites><testsuite>
<testcase classname="tests.promises.test_sixty_a_minute" name="test_a" time="2">
  <properties><property name="most" value="60"/></properties></testcase>
<testcase classname="tests.promises.test_sixty_a_minute" name="test_b" time="1">{fault}</testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize(
    ("fault", "told"), [("", "2 passed"), ("<failure/>", "1 passed, 1 failed")]
)
def test_a_run_is_told_as_it_was(tmp_path, monkeypatch, fault, told):
    monkeypatch.setattr(figures, "PAGE", tmp_path / "page.md")
    (tmp_path / "report.xml").write_text(REPORT.format(fault=fault))
    with pytest.raises(SystemExit, match="Not proven by this run: No change is missed"):
        figures.main(tmp_path / "report.xml")
    [row] = [r for r in (tmp_path / "page.md").read_text().splitlines() if r.startswith("| 60 a")]
    assert f"{told} in 3 s. most: 60 |" in row
