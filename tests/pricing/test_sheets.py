"""Rules as CSV files: out and in again, differences told first, all of a file or nothing."""

import csv
import io
import json
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from catalog_mirror import mirror, revisions
from catalog_mirror.models import Variant
from customers.imports import _Staging
from customers.models import VisibilityRule
from groundwork.models import AuditEntry
from pricing.entry import add_price_rule
from pricing.models import PriceRule
from tests.factories import (
    SourceFactory,
    TierFactory,
    a_category,
    a_product,
    a_variant,
    cast,
    categorized,
    fixed_price,
    mirrored,
    newest_revision,
    now,
    seen_by,
    variant,
    withdrawn,
)


@pytest.fixture
def people(database):
    return cast()


@pytest.fixture
def imported(tmp_path):
    def bring(kind: str, text: str, **options):
        file = tmp_path / "rules.csv"
        file.write_text(text, encoding="utf-8")
        out = StringIO()
        call_command("import_rules", kind, str(file), json=True, stdout=out, **options)
        return json.loads(out.getvalue())

    return bring


def exported(kind: str, **options) -> str:
    out = StringIO()
    call_command("export_rules", kind, stdout=out, **options)
    return out.getvalue()


def counts(found: dict) -> tuple[int, int, int, int]:
    return found["added"], found["changed"], found["unchanged"], found["withdrawn"]


def standing() -> list[tuple]:
    rules = PriceRule.objects.filter(until_revision=None).order_by("pk")
    return list(rules.values_list("rule_uid", "amount", "percent", "breaks"))


def test_a_file_goes_out_and_comes_in_again_as_it_was(people, imported):
    add_price_rule(
        actor="ann", kind="contract", amount="8.1234", currency="USD", customer=people.bob,
        variant=variant("MUG-11-BLK"), starts_at=now(), ends_at=now() + timedelta(days=9),
        breaks=[{"start_qty": 10, "value": "8", "name": "Case of ten"}], name="2027", priority=-3,
    )  # fmt: skip
    add_price_rule(actor="ann", kind="exempt", exempt_from="general", category=people.mugs)
    before, revision = standing(), newest_revision()
    for kind, lines in (("prices", 4), ("visibility", 3)):
        text = exported(kind)
        found = imported(kind, text)
        assert counts(found) == (0, 0, lines, 0)
        assert found["revision"] is None
        assert exported(kind) == text
    assert (standing(), newest_revision()) == (before, revision)


def test_without_their_ids_lines_find_the_rules_they_mean(people, imported):
    rows = list(csv.DictReader(io.StringIO(exported("prices"))))
    assert {row["customer"] or row["tier"] for row in rows} == {"gold", "bob"}
    text = "tier,kind,value,currency\ngold,percent,30,USD\n"
    assert counts(imported("prices", text)) == (0, 0, 1, 0)


def test_new_lines_open_rules_and_other_values_change_them_in_one_revision(people, imported):
    uid = PriceRule.objects.get(customer=people.bob).rule_uid
    revision = newest_revision()
    text = (
        "customer,product,sku,kind,value,currency,breaks,name\n"
        "bob,MUG-11,,fixed,9.5,USD,50: 9.25 | 100: 9 Pallet,Contract\n"
        "carol,,PEN-01,fixed,2,USD,,\n"
        "alice,,PEN-01,contract,1.5,USD,,\n"
    )
    told = imported("prices", text, dry_run=True)
    assert counts(told) == (2, 1, 0, 0)
    assert [(d["line"], d["verdict"]) for d in told["differences"]] == [
        (2, "changed"),
        (3, "added"),
        (4, "added"),
    ]
    assert (told["differences"][0]["before"]["amount"], newest_revision()) == (9.99, revision)
    found = imported("prices", text)
    assert (counts(found), found["revision"]) == ((2, 1, 0, 0), revision + 1)
    changed = PriceRule.objects.get(rule_uid=uid, until_revision=None)
    assert (changed.amount, changed.name) == (Decimal("9.5"), "Contract")
    assert [each["minimum_quantity"] for each in changed.breaks] == [50, 100]
    assert seen_by(people.alice)["PEN-01"] == "1.50"
    entry = AuditEntry.objects.get(action="pricerule.imported")
    assert entry.after == {"added": 2, "changed": 1, "withdrawn": 0}
    assert counts(imported("prices", text)) == (0, 0, 3, 0)


def test_what_a_file_does_not_list_may_be_withdrawn(people, imported):
    fixed_price("1", customer=people.bob, variant=variant("PEN-01"))
    fixed_price("1", customer=people.carol, variant=variant("PEN-01"))
    text = "customer,sku,kind,value,currency\nbob,PEN-01,fixed,1,USD\n"
    assert counts(imported("prices", text)) == (0, 0, 1, 0)
    assert counts(imported("prices", text, withdraw_missing=True, dry_run=True)) == (0, 0, 1, 1)
    assert counts(imported("prices", text, withdraw_missing=True)) == (0, 0, 1, 1)
    left = PriceRule.objects.filter(until_revision=None, tier=None)
    assert sorted(left.values_list("customer__slug", flat=True)) == ["bob", "carol"]


def test_a_line_with_an_id_changes_that_rule_s_window(people, imported):
    rule = PriceRule.objects.get(customer=people.bob)
    ends = (now() + timedelta(days=1)).isoformat()
    text = (
        "rule,customer,product,kind,value,currency,ends_at\n"
        f"{rule.rule_uid},bob,MUG-11,fixed,9.99,USD,{ends}\n"
    )
    assert counts(imported("prices", text)) == (0, 1, 0, 0)
    assert PriceRule.objects.get(rule_uid=rule.rule_uid, until_revision=None).ends_at is not None
    assert PriceRule.objects.filter(until_revision=None, customer=people.bob).count() == 1


def test_visibility_lists_come_in_the_same_way(people, imported):
    text = "customer,brand,sku,effect\ncarol,northcup,,allow\ncarol,,MUG-11-WHT,deny\n"
    assert counts(imported("visibility", text)) == (2, 0, 0, 0)
    assert set(seen_by(people.carol)) == {"MUG-11-BLK"}
    assert counts(imported("visibility", text)) == (0, 0, 2, 0)


FAULTS = [
    ("customer,price\nbob,9\n", 1, "price", "There is no column 'price'"),
    ("customer,customer\nbob,bob\n", 1, "", "names each column once"),
    ("", 1, "", "names each column once"),
    ('customer,sku\n"bob,PEN\n', 2, "", "This is no CSV"),
    ("customer,kind,value,currency\nbob,fixed,9,USD,extra\n", 2, "", "more cells"),
    ("customer,kind,value,currency\nzoe,fixed,9,USD\n", 2, "customer", "no customer 'zoe'"),
    ("tier,kind,value,currency\ntin,fixed,9,USD\n", 2, "tier", "no tier 'tin'"),
    ("customer,tier,kind,value,currency\nbob,gold,fixed,9,USD\n", 2, "tier", "not both"),
    ("sku,kind,value,currency\nNOPE,fixed,9,USD\n", 2, "sku", "no sku 'NOPE'"),
    ("sku,brand,kind,value,currency\nPEN-01,inkwell,fixed,9,USD\n", 2, "sku", "Name one thing"),
    ("source,sku,kind,value,currency\nother,PEN-01,fixed,9,USD\n", 2, "sku", "of another source"),
    ("category,kind,value,currency\nmugs,fixed,9,USD\n", 2, "category", "means 2 things"),
    ("kind,value,currency\nfree,9,USD\n", 2, "kind", "Write one of percent, fixed"),
    ("kind,value,currency\nfixed,nine,USD\n", 2, "value", "'nine' is no number"),
    ("kind,value,currency\nfixed,,USD\n", 2, "value", "'' is no number"),
    ("kind,value,currency\nfixed,-1,USD\n", 2, "value", "negative"),
    ("kind,value,currency\nfixed,1.00001,USD\n", 2, "value", "more than 4 decimals"),
    ("kind,value,currency\npercent,101,USD\n", 2, "value", "more than all"),
    ("kind,value,currency\nfixed,NaN,USD\n", 2, "value", "no number"),
    ("kind,value,currency\nfixed,9,usd\n", 2, "currency", "three letters"),
    ("kind,value,currency,breaks\nfixed,9,USD,5: 10\n", 2, "breaks", "would rise"),
    ("kind,value,currency,breaks\nfixed,9,USD,5-9: 8 | 11: 7\n", 2, "breaks", "leave a gap"),
    ("kind,value,currency,breaks\nfixed,9,USD,5-9: 8\n", 2, "breaks", "leave its end_qty empty"),
    ("kind,value,currency,breaks\nfixed,9,USD,-5: 8\n", 2, "breaks", "leave its end_qty empty"),
    ("kind,value,currency,breaks,minimum_quantity\nfixed,,USD,5: 8,5\n", 2, "minimum_quantity",
     "The first break says this"),
    ("kind,value,currency,breaks\nfixed,9,USD,5=8\n", 2, "breaks", "write a break as"),
    ("kind,value,currency,priority\nfixed,9,USD,99999\n", 2, "priority", "from -32768"),
    ("kind,value,currency,priority\nfixed,9,USD,1.5\n", 2, "priority", "no whole number"),
    ("kind,value,currency,minimum_quantity\nfixed,9,USD,0\n", 2, "minimum_quantity", "from 1"),
    ("kind,value,currency\ncontract,9,USD\n", 2, "customer", "names the customer"),
    ("kind,value,currency,counted_per\nfixed,9,USD,category\n", 2, "counted_per", "that category"),
    ("kind,value,exempt_from\nexempt,9,general\n", 2, "value", "An exemption has no value"),
    ("kind,exempt_from\nexempt,\n", 2, "exempt_from", "Write one of"),
    ("kind,value,currency,starts_at\nfixed,9,USD,2026-02-02\n", 2, "starts_at", "with its offset"),
    ("kind,value,currency,starts_at,ends_at\nfixed,9,USD,2026-02-02T00:00Z,2026-02-02T00:00Z\n",
     2, "ends_at", "ends before it starts"),
    ("rule,kind,value,currency\nx,fixed,9,USD\n", 2, "rule", "no rule's id"),
    ("rule,kind,value,currency\n5a1c6f7e-0000-4000-8000-000000000000,fixed,9,USD\n",
     2, "rule", "No such rule stands"),
    ("kind,value,currency\nfixed,9,USD\nfixed,8,USD\n", 3, "", "Line 2 is the same rule"),
    ("kind,value,currency,name\nfixed,9,USD," + "x" * 101 + "\n", 2, "name", "100 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "reason"), FAULTS, ids=range(len(FAULTS)))
def test_a_fault_is_told_with_its_line_and_nothing_is_written(
    people, tmp_path, text, line, column, reason
):
    other = SourceFactory(slug="other")
    categorized(other, a_category("mugs"))
    TierFactory(slug="silver")
    before = standing(), newest_revision()
    file = tmp_path / "rules.csv"
    file.write_text(text)
    out = StringIO()
    with pytest.raises(CommandError, match="Nothing was written: 1 faults") as refused:
        call_command("import_rules", "prices", str(file), json=True, stdout=out)
    assert refused.value.returncode == 1
    (fault,) = json.loads(out.getvalue())["faults"]
    assert (fault["line"], fault["column"]) == (line, column)
    assert reason in fault["reason"]
    assert (standing(), newest_revision()) == before


def test_every_fault_of_a_file_is_counted_and_a_hundred_are_told(people, tmp_path):
    file = tmp_path / "rules.csv"
    file.write_text("sku,kind,value,currency\nPEN-01,fixed,1,USD\n" + "X,fixed,1,USD\n" * 150)
    with pytest.raises(CommandError) as refused:
        call_command("import_rules", "prices", str(file), stdout=StringIO())
    lines = str(refused.value).splitlines()
    assert len(lines) == 102
    assert lines[-2:] == ["... and 50 more.", "Nothing was written: 150 faults."]
    assert not PriceRule.objects.filter(variant__sku="PEN-01").exists()


@pytest.fixture
def takes_the_id_of_another(people, tmp_path):
    """A line that takes another rule's id, and says what a third one says."""
    bob = PriceRule.objects.get(customer=people.bob)
    file = tmp_path / "rules.csv"
    file.write_text(f"rule,tier,kind,value,currency\n{bob.rule_uid},gold,percent,30,USD\n")
    return str(file)


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_line_that_would_equal_a_standing_rule_is_a_fault(
    people, takes_the_id_of_another, dry_run
):
    third = PriceRule.objects.get(tier=people.gold)
    before = standing(), newest_revision()
    with pytest.raises(CommandError, match=f"line 2.*would equal rule {third.rule_uid}"):
        call_command("import_rules", "prices", takes_the_id_of_another, dry_run=dry_run)
    assert (standing(), newest_revision()) == before


def test_a_rule_that_is_withdrawn_with_the_file_is_in_nobody_s_way(people, takes_the_id_of_another):
    out = StringIO()
    call_command(
        "import_rules", "prices", takes_the_id_of_another, withdraw_missing=True, stdout=out
    )
    assert out.getvalue().endswith("1 lines: 0 added, 1 changed, 0 unchanged, 1 withdrawn.\n")
    (left,) = PriceRule.objects.filter(until_revision=None)
    assert (left.tier, left.percent, left.from_revision) == (people.gold, 30, newest_revision())


def test_a_rule_that_the_database_refuses_is_a_fault_of_the_file(
    people, takes_the_id_of_another, monkeypatch
):
    """An equal rule may be saved between the comparison and the commit's constraint."""
    monkeypatch.setattr(_Staging, "refuse", lambda *_, **__: None)
    before = standing(), newest_revision()
    with pytest.raises(CommandError, match="refuses it by no_two_equal_price_rules"):
        call_command("import_rules", "prices", takes_the_id_of_another, stdout=StringIO())
    assert (standing(), newest_revision()) == before


def test_rules_on_what_has_left_the_shop_go_out_and_come_in_again(people, imported):
    rule = fixed_price("2", customer=people.bob, variant=variant("PEN-01"))
    gone = [rule.variant.external_id]
    mirror.retire(people.source, gone, observed_at=now(), origin="test")
    assert not Variant.objects.filter(sku="PEN-01", retired_at=None).exists()
    text = exported("prices")
    assert counts(imported("prices", text)) == (0, 0, 3, 0)
    dearer = text.replace(",2,USD,", ",3,USD,")
    assert counts(imported("prices", dearer)) == (0, 1, 2, 0)
    kept = PriceRule.objects.get(rule_uid=rule.rule_uid, until_revision=None)
    assert (kept.amount, kept.variant_id) == (Decimal(3), rule.variant_id)
    with pytest.raises(CommandError, match="There is no sku 'PEN-01'"):
        imported("prices", dearer.replace(str(rule.rule_uid), ""))


def test_ranges_may_tell_the_whole_ladder(people, imported):
    text = (
        "customer,product,kind,value,currency,breaks\n"
        "bob,MUG-11,fixed,,USD,1-49: 9 Piece | 50-99: 8 | 100: 7 Pallet\n"
    )
    assert counts(imported("prices", text)) == (0, 1, 0, 0)
    rule = PriceRule.objects.get(customer=people.bob, until_revision=None)
    assert (rule.minimum_quantity, rule.amount, rule.name) == (1, Decimal(9), "Piece")
    assert [(each["minimum_quantity"], each["value"]) for each in rule.breaks] == [
        (50, "8"),
        (100, "7"),
    ]


def test_an_id_of_a_rule_that_ended_is_told(people, imported, tmp_path):
    rule = fixed_price("1", customer=people.carol)
    withdrawn(rule)
    file = tmp_path / "rules.csv"
    file.write_text(f"rule,customer,kind,value,currency\n{rule.rule_uid},carol,fixed,1,USD\n")
    with pytest.raises(CommandError, match="No such rule stands"):
        call_command("import_rules", "prices", str(file), stdout=StringIO())


def test_a_terminal_is_told_what_would_change(people, tmp_path):
    file = tmp_path / "rules.csv"
    file.write_text(
        "\ufeffcustomer,product,kind,value,currency\nbob,MUG-11,fixed,9,USD\nbob,,percent,5,USD\n",
        encoding="utf-8",
    )
    out = StringIO()
    call_command("import_rules", "prices", str(file), dry_run=True, stdout=out)
    assert out.getvalue().splitlines() == [
        "line 2: amount 9.99 -> 9",
        "line 3: new",
        "2 lines: 1 added, 1 changed, 0 unchanged, 0 withdrawn.",
        "This was a dry run: nothing was written.",
    ]


def test_a_file_that_cannot_be_read_or_written_is_one_line(people, tmp_path):
    with pytest.raises(CommandError, match="cannot be read: No such file") as refused:
        call_command("import_rules", "prices", str(tmp_path / "none.csv"))
    assert refused.value.returncode == 2
    latin = tmp_path / "latin.csv"
    latin.write_bytes("name\nCaf\xe9\n".encode("latin-1"))
    with pytest.raises(CommandError, match="is not UTF-8 text"):
        call_command("import_rules", "prices", str(latin))
    with pytest.raises(CommandError, match="cannot be written: File exists"):
        call_command("export_rules", "prices", output=str(latin))


def test_a_customer_s_rules_are_exported_alone(people, tmp_path):
    target = tmp_path / "bob.csv"
    out = StringIO()
    call_command("export_rules", "visibility", customer="bob", output=str(target), stdout=out)
    assert out.getvalue() == f"1 rules written to {target}.\n"
    (row,) = csv.DictReader(io.StringIO(target.read_text()))
    rule = VisibilityRule.objects.get(customer=people.bob)
    assert (row["rule"], row["brand"], row["source"]) == (
        str(rule.rule_uid),
        "northcup",
        "drinkware",
    )


def test_odd_skus_survive_the_round_trip(people, imported):
    odd = ['A "quoted"', "a,comma", "ünï-cödé", "0012", "x" * 100, "=1+1", "a/b"]
    mirrored(
        people.source,
        *(a_product(f"o{n}", a_variant(f"o{n}", sku=sku)) for n, sku in enumerate(odd)),
    )
    for sku in odd:
        fixed_price("1", customer=people.carol, variant=variant(sku))
    text = exported("prices", customer="carol")
    cells = {row["sku"] for row in csv.DictReader(io.StringIO(text))}
    assert cells == {*odd, "'=1+1"} - {"=1+1"}  # a spreadsheet would compute it
    assert counts(imported("prices", text)) == (0, 0, len(odd), 0)


def test_a_line_that_moves_a_rule_leaves_a_copy_of_what_it_said(people, imported):
    """Bob's price goes to Carol by its id; a line without one keeps the same price for Bob."""
    uid = PriceRule.objects.get(customer=people.bob).rule_uid
    text = (
        "rule,customer,product,kind,value,currency\n"
        f"{uid},carol,MUG-11,fixed,9.99,USD\n"
        ",bob,MUG-11,fixed,9.99,USD\n"
    )
    assert counts(imported("prices", text)) == (1, 1, 0, 0)
    standing = PriceRule.objects.filter(until_revision=None, tier=None)
    assert dict(standing.values_list("customer__slug", "amount")) == {
        "bob": Decimal("9.99"),
        "carol": Decimal("9.99"),
    }


def test_a_rule_that_ends_while_the_file_is_read_refuses_all_of_it(people, imported, monkeypatch):
    rule = PriceRule.objects.get(customer=people.bob)
    writing = revisions.writing

    def ends_first(*args, **options):
        monkeypatch.setattr(revisions, "writing", writing)
        withdrawn(rule)
        return writing(*args, **options)

    monkeypatch.setattr(revisions, "writing", ends_first)
    text = (
        "rule,customer,product,kind,value,currency\n"
        f"{rule.rule_uid},bob,MUG-11,fixed,5,USD\n"
        ",carol,MUG-11,fixed,5,USD\n"
    )
    with pytest.raises(CommandError, match="line 2, rule: No such rule stands"):
        imported("prices", text)
    assert not PriceRule.objects.filter(customer=people.carol).exists()


def test_a_rule_that_ends_meanwhile_is_opened_anew_where_no_line_names_it(
    people, imported, monkeypatch
):
    rule = PriceRule.objects.get(customer=people.bob)
    writing = revisions.writing

    def ends_first(*args, **options):
        monkeypatch.setattr(revisions, "writing", writing)
        withdrawn(rule)
        return writing(*args, **options)

    monkeypatch.setattr(revisions, "writing", ends_first)
    text = "customer,product,kind,value,currency\nbob,MUG-11,fixed,5,USD\n"
    assert counts(imported("prices", text)) == (1, 0, 0, 0)
    assert seen_by(people.bob)["MUG-11-BLK"] == "5.00"
