"""What is the sandbox's is written by the code alone: every other way in is refused, and changes nothing."""

import json
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, transaction

from apikeys import claims, keys
from apikeys.limits import limit_customer
from apikeys.models import ApiKey, ClaimLink, CustomerLimit
from catalog_mirror.models import SANDBOX_SOURCE, Brand, Category, Product, Variant
from contract.previews import preview
from contract.sandbox.making import make_sandbox
from customers import versions
from customers.models import (
    SANDBOX,
    Customer,
    CustomerTerms,
    VisibilityRule,
    VisibilityTemplate,
    VisibilityTemplateLine,
)
from customers.reserved import Reserved
from groundwork.models import AuditEntry
from outbound_hooks import endpoints
from outbound_hooks.endpoints import EndpointRefused
from outbound_hooks.models import Endpoint
from pricing.entry import add_price_rule
from pricing.models import OrderMinimum, OrderRule, PriceRule
from sync.adding import SourceExists, refuse_taken
from sync.management.prompt import named
from tests.factories import allow, cast, newest_revision, percent_off

KINDS = (CustomerTerms, VisibilityRule, PriceRule, OrderRule, OrderMinimum)


@pytest.fixture
def people(database):
    made = cast()
    make_sandbox()
    return made


@pytest.fixture
def sandbox(people) -> Customer:
    return Customer.objects.get(pk=SANDBOX)


@pytest.fixture
def unchanged(people):
    """Hold that the test wrote nothing."""
    before = written()
    yield
    assert written() == before


def written() -> tuple:
    versions_ = [list(kind.objects.order_by("pk").values_list()) for kind in KINDS]
    return newest_revision(), AuditEntry.objects.count(), versions_


def hiding() -> VisibilityRule:
    return VisibilityRule.objects.get(customer=None, source=SANDBOX_SOURCE)


@pytest.mark.parametrize("kind", KINDS)
def test_its_rules_are_not_withdrawn_changed_or_restored(sandbox, unchanged, kind):
    for version in kind.objects.filter(customer=sandbox):
        with pytest.raises(Reserved, match="make_sandbox"):
            versions.withdraw(kind, version.rule_uid, actor="ann")
        with pytest.raises(Reserved):
            versions.change(kind, version.rule_uid, actor="ann")
        with pytest.raises(Reserved):
            versions.restore(kind, version.pk, actor="ann")
        with pytest.raises(Reserved):
            versions.change_all(kind, [version.rule_uid], actor="ann")


def test_it_is_given_no_rules(people, sandbox, unchanged):
    with pytest.raises(Reserved):
        versions.add(VisibilityRule, actor="ann", effect="deny", customer=sandbox)
    with pytest.raises(Reserved):
        versions.add(OrderRule, actor="ann", customer=sandbox)
    with pytest.raises(Reserved):
        versions.add(OrderMinimum, actor="ann", customer=sandbox, minimum_quantity=1)
    with pytest.raises(Reserved):
        add_price_rule(actor="ann", kind="fixed", amount="1", currency="USD", customer=sandbox)
    with pytest.raises(Reserved):
        versions.add(VisibilityRule, actor="ann", effect="allow", source_id=SANDBOX_SOURCE)


@pytest.mark.parametrize(
    ("kind", "model"),
    [("brand", Brand), ("category", Category), ("product", Product), ("variant", Variant)],
)
def test_no_rule_is_on_its_goods(people, unchanged, kind, model):
    """It would be kept, and do nothing: nobody but the sandbox's customer sees them."""
    goods = model.objects.filter(source=SANDBOX_SOURCE).first()
    with pytest.raises(ValidationError, match="belongs to the sandbox"):
        versions.add(VisibilityRule, actor="ann", effect="allow", **{kind: goods})


def test_nobody_is_moved_to_it(people, unchanged):
    rule = VisibilityRule.objects.filter(customer=people.bob).get()
    for says in ({"customer_id": SANDBOX}, {"brand": None, "source_id": SANDBOX_SOURCE}):
        with pytest.raises(Reserved):
            versions.change(VisibilityRule, rule.rule_uid, actor="ann", **says)


def test_the_rule_that_hides_it_stays(people, unchanged):
    rule = hiding()
    with pytest.raises(Reserved):
        versions.withdraw(VisibilityRule, rule.rule_uid, actor="ann")
    with pytest.raises(Reserved):
        versions.change(VisibilityRule, rule.rule_uid, actor="ann", effect="allow")


def test_it_has_no_keys_links_limits_and_endpoints(sandbox, unchanged, monkeypatch):
    with pytest.raises(ValidationError, match="Give a customer a test key"):
        keys.issue(actor="ann", customer=sandbox, mode="test")
    with pytest.raises(ValidationError, match="Give a customer a test key"):
        claims.offer(actor="ann", customer=sandbox)
    with pytest.raises(ValidationError, match="has its customer's"):
        limit_customer(sandbox, requests_a_minute=5, actor="ann")
    monkeypatch.setattr(endpoints, "checked_url", lambda url: url)
    with pytest.raises(EndpointRefused, match="no webhooks"):
        endpoints.add(SANDBOX, url="https://a.example/", actor="ann")
    for model in (ApiKey, ClaimLink, CustomerLimit, Endpoint):
        assert not model.objects.filter(customer=SANDBOX).exists()


def test_no_template_lets_a_new_customer_see_it(people, unchanged):
    template = VisibilityTemplate.objects.create(name="All")
    with pytest.raises(IntegrityError), transaction.atomic():
        VisibilityTemplateLine.objects.create(
            template=template, effect="allow", source_id=SANDBOX_SOURCE
        )
    assert template.lines.count() == 0


# -- files of rules ----------------------------------------------------------------------------


def exported(kind: str, **options: str) -> str:
    out = StringIO()
    call_command("export_rules", kind, stdout=out, **options)
    return out.getvalue()


def imported(tmp_path, kind: str, text: str, **options) -> dict:
    file, out = tmp_path / "rules.csv", StringIO()
    file.write_text(text)
    call_command("import_rules", kind, str(file), json=True, stdout=out, **options)
    return json.loads(out.getvalue())


@pytest.mark.parametrize("kind", ["visibility", "prices"])
def test_what_goes_out_comes_in_again_without_it(people, unchanged, tmp_path, kind):
    text = exported(kind)
    assert "sandbox" not in text.lower()
    assert str(hiding().rule_uid) not in text
    found = imported(tmp_path, kind, text, withdraw_missing=True)
    assert (found["added"], found["changed"], found["withdrawn"], found["faults"]) == (0, 0, 0, [])
    assert found["unchanged"] == found["lines"] > 0
    assert exported(kind, customer="sandbox").count("\n") == 1  # the header


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",sandbox,,,deny", "line 2, customer: The sandbox's rules are made by code alone."),
        (",bob,,sandbox,allow", "line 2, source: The sandbox's rules are made by code alone."),
        (",,,sandbox,allow", "line 2, source: The sandbox's rules are made by code alone."),
        ("{hiding},bob,,drinkware,allow", "line 2, rule: No such rule stands."),
        ("{own},bob,,drinkware,allow", "line 2, rule: No such rule stands."),
    ],
)
def test_no_file_reaches_it(people, unchanged, tmp_path, line, reason):
    own = VisibilityRule.objects.get(customer=SANDBOX).rule_uid
    text = "rule,customer,tier,source,effect\n" + line.format(hiding=hiding().rule_uid, own=own)
    with pytest.raises(CommandError) as refused:
        imported(tmp_path, "visibility", text + "\n")
    assert reason in str(refused.value)


@pytest.mark.parametrize("model", [Brand, Category])
def test_no_template_names_its_goods(people, model):
    goods = model.objects.filter(source=SANDBOX_SOURCE).first()
    template = VisibilityTemplate.objects.create(name="All")
    named = {model._meta.model_name: goods}
    with pytest.raises(ValidationError, match="belongs to the sandbox"):
        VisibilityTemplateLine(template=template, effect="allow", **named).full_clean()


@pytest.mark.parametrize(("source", "column"), [("", "category"), ("sandbox", "source")])
def test_no_file_names_its_goods(people, unchanged, tmp_path, source, column):
    text = f"customer,source,category,effect\nbob,{source},sandbox-apparel,allow\n"
    reason = f"line 2, {column}: The sandbox's rules are made by code"
    with pytest.raises(CommandError, match=reason):
        imported(tmp_path, "visibility", text)


def test_a_name_that_the_sandbox_has_too_is_the_shop_s(people, tmp_path):
    mugs = people.mugs
    Category.objects.filter(pk=mugs.pk).update(slug="sandbox-apparel")
    imported(tmp_path, "visibility", "customer,category,effect\nbob,sandbox-apparel,deny\n")
    assert VisibilityRule.objects.latest("pk").category == mugs


def test_a_file_of_everyones_rules_leaves_it_alone(people, tmp_path):
    text = "tier,source,effect\n,drinkware,allow\n"
    found = imported(tmp_path, "visibility", text, withdraw_missing=True)
    assert (found["added"], found["withdrawn"]) == (1, 0)
    assert hiding().until_revision is None


# -- what staff and operators ask --------------------------------------------------------------


def test_a_preview_for_everyone_counts_neither_it_nor_its_goods(people):
    found = preview(VisibilityRule(effect="deny"))
    assert (found.reached, found.goods, found.vanish.count) == (4, 4, 6)
    priced = preview(PriceRule(kind="fixed", amount=1, currency="USD"))
    assert "sandbox" not in {each.customer for each in priced.repriced.examples}
    assert preview(VisibilityRule(effect="allow", customer=people.carol)).appear.count == 4


def test_it_is_explained_as_it_is_served(people):
    allow()
    percent_off("50")
    said = explained("explain_visibility", "sandbox", "MUG-11-BLK")
    assert (said["visible"], said["because"], said["rules"]) == (False, "No rule allows it.", [])
    said = explained("explain_visibility", "sandbox", "SANDBOX-QUOTE")
    assert (said["visible"], [each["who"] for each in said["rules"]]) == (True, ["customer"])
    said = explained("explain_price", "sandbox", "SANDBOX-BOTTLE-1L", quantity=1)
    assert said["unit"] == "16.20"
    assert [each["who"] for each in said["rules"]] == ["customer"]
    said = explained("explain_visibility", "bob", "SANDBOX-QUOTE")
    assert (said["visible"], said["because"]) == (False, "A rule denies it, and one is enough.")


def explained(command: str, customer: str, sku: str, **options) -> dict:
    out = StringIO()
    call_command(command, customer=customer, sku=sku, json=True, stdout=out, **options)
    return json.loads(out.getvalue())


def test_no_command_takes_it_for_a_shop(people):
    assert [source.slug for source in named(None)] == ["drinkware"]
    with pytest.raises(CommandError, match="There is no source sandbox"):
        named(["sandbox"])
    with pytest.raises(SourceExists):
        refuse_taken("sandbox")
