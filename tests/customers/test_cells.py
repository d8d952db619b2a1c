"""What a spreadsheet would compute is text in a file, and comes back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.cells import guarded, unguarded


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("'=1", "''=1"),
        ("-3", "-3"),
        ("+7.5", "+7.5"),
        ("MUG-11", "MUG-11"),
        ("'tis", "'tis"),
        ("", ""),
    ],
)
def test_a_formula_is_text_and_all_else_stays(text, cell):
    assert guarded(text) == cell
    assert unguarded(cell) == text


@given(st.text(alphabet="'=+-@\t3.a", max_size=6))
def test_every_text_comes_back(text):
    assert unguarded(guarded(text)) == text
