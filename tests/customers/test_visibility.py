"""Who sees what, as pure functions."""

from datetime import UTC, datetime, timedelta

import pytest

from catalog_mirror.states import State
from customers.rulebook import Rulebook
from customers.visibility import Terms, VisibilityVersion, is_visible, window_holds

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def a_state(**says) -> State:
    return State(
        **{
            "variant_id": 5,
            "from_revision": 1,
            "until_revision": None,
            "sku": "A",
            "is_published": True,
            "source_id": 1,
            "brand_id": 2,
            "product_id": 4,
            "category_ids": (30, 31),
            "depths": (0, 1),
            "list_price": None,
            "currency": "USD",
            "tax_included": False,
        }
        | says
    )


def terms(**says) -> Terms:
    return Terms(
        **{
            "from_revision": 1,
            "until_revision": None,
            "status": "active",
            "contract_starts_at": None,
            "contract_ends_at": None,
            "tier_id": 7,
            "currency": "USD",
            "unpriced": "list_price",
        }
        | says
    )


def a_rule(effect: str, **says) -> VisibilityVersion:
    return VisibilityVersion(
        **{
            "from_revision": 1,
            "until_revision": None,
            "id": 1,
            "customer_id": None,
            "tier_id": None,
            "subject": ("all", 0),
            "starts_at": None,
            "ends_at": None,
        }
        | says,
        effect=effect,
    )


@pytest.mark.parametrize(
    ("starts", "ends", "holds"),
    [
        (None, None, True),
        (AT, None, True),
        (AT + SECOND, None, False),
        (None, AT, False),
        (None, AT + SECOND, True),
        (AT, AT + SECOND, True),
        (AT - SECOND, AT, False),
    ],
)
def test_a_window_holds_from_its_start_until_before_its_end(starts, ends, holds):
    assert window_holds(starts, ends, AT) is holds


@pytest.mark.parametrize(
    ("rules", "seen"),
    [
        ([], False),
        ([a_rule("allow")], True),
        ([a_rule("deny")], False),
        ([a_rule("allow"), a_rule("deny")], False),
        ([a_rule("allow"), a_rule("allow"), a_rule("deny", customer_id=9)], False),
        ([a_rule("allow", tier_id=7)], True),
        ([a_rule("allow", tier_id=8)], False),
        ([a_rule("allow"), a_rule("deny", tier_id=8)], True),
        ([a_rule("allow", starts_at=AT + SECOND)], False),
        ([a_rule("allow"), a_rule("deny", ends_at=AT)], True),
        ([a_rule("allow"), a_rule("deny", starts_at=AT)], False),
    ],
)
def test_default_deny_one_allow_is_enough_and_one_deny_decides(rules, seen):
    assert is_visible(a_state(), terms(), rules, AT) is seen


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ({}, True),
        ({"status": "suspended"}, False),
        ({"status": "ended"}, False),
        ({"contract_starts_at": AT}, True),
        ({"contract_starts_at": AT + SECOND}, False),
        ({"contract_ends_at": AT}, False),
        ({"contract_ends_at": AT + SECOND}, True),
    ],
)
def test_outside_the_contract_nothing_is_seen(said, seen):
    assert is_visible(a_state(), terms(**said), [a_rule("allow")], AT) is seen


def test_what_is_not_published_is_seen_by_nobody():
    assert not is_visible(a_state(is_published=False), terms(), [a_rule("allow")], AT)


def test_a_rulebook_finds_the_rules_of_every_subject_of_a_state():
    subjects = [
        ("all", 0), ("source", 1), ("brand", 2), ("product", 4), ("variant", 5),
        ("category", 30), ("category", 31),
    ]  # fmt: skip
    others = [("source", 9), ("brand", 9), ("product", 9), ("variant", 9), ("category", 9)]
    book = Rulebook([a_rule("allow", subject=s) for s in (*subjects, *others)])
    assert sorted(r.subject for r in book.covering(a_state())) == sorted(subjects)
    unbranded = a_state(brand_id=None, category_ids=())
    assert len(book.covering(unbranded)) == 4
    assert Rulebook([]).covering(a_state()) == []


def test_a_version_is_in_force_until_before_the_revision_that_closed_it():
    version = a_rule("allow", from_revision=3, until_revision=5)
    assert [version.in_force(r) for r in (2, 3, 4, 5)] == [False, True, True, False]
    state = a_state(from_revision=3, until_revision=5)
    assert [state.stands_at(r) for r in (2, 3, 4, 5)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("said", "who"),
    [({"customer_id": 1}, "customer"), ({"tier_id": 7}, "tier"), ({}, "everyone")],
)
def test_a_rule_says_for_whom_it_is(said, who):
    assert a_rule("allow", **said).who == who
