"""All that is known of one customer, a table each: for the page that shows them together."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from apikeys.last_use import last_use
from apikeys.models import ApiKey, ClaimLink
from catalog_mirror.states import Subject
from customers.explanations import subject_names
from customers.models import SANDBOX, Customer, CustomerTerms, Rule, VisibilityRule
from groundwork.models import AuditEntry
from outbound_hooks.models import Endpoint
from portal.tables import Cell, Link, Table, cells, columns
from pricing.models import OrderMinimum, OrderRule, PriceRule

MOST_ROWS = 10
# Of each kind, the newest so many are looked up in the audit.
_MOST_SUBJECTS = 200


def terms_of(customer: Customer) -> CustomerTerms | None:
    rows = CustomerTerms.objects.filter(customer=customer, until_revision=None)
    return rows.select_related("tier").first()


@dataclass(frozen=True)
class Rules:
    """The standing rules of a customer's own, and what they name."""

    visibility: list[Any]
    prices: list[Any]
    orders: list[Any]
    minimums: list[Any]
    names: dict[Subject, str]


def rules_of(customer: Customer, *, with_prices: bool) -> Rules:
    """Read the newest of each kind; what they name is one statement for all of them."""
    seen = _standing(VisibilityRule, customer)
    prices = _standing(PriceRule, customer) if with_prices else []
    orders = _standing(OrderRule, customer) if with_prices else []
    minimums = _standing(OrderMinimum, customer) if with_prices else []
    names = subject_names(rule.subject for rule in (*seen, *prices, *orders))
    return Rules(seen, prices, orders, minimums, names)


def visibility(customer: Customer, rules: Rules) -> Table:
    return Table(
        "Own visibility rules",
        columns("Rule", "On", "From", "Until"),
        [
            cells(
                Cell(r.effect, url=_page(r), tone=_tone(r.effect)),
                rules.names[r.subject],
                r.starts_at,
                r.ends_at,
            )
            for r in rules.visibility
        ],
        "None of its own: it sees what its tier and everyone see.",
        _links(customer, "customers", "visibilityrule", "Add a rule"),
    )


def prices(customer: Customer, rules: Rules) -> Table:
    return Table(
        "Own prices",
        columns("Price", "On", "Name", "From", "Until"),
        [
            cells(
                Cell(r.in_words, url=_page(r)),
                rules.names[r.subject],
                r.name,
                r.starts_at,
                r.ends_at,
            )
            for r in rules.prices
        ],
        "None of its own: it pays what its tier and everyone pay.",
        _links(customer, "pricing", "pricerule", "Add a price"),
    )


def order_rules(customer: Customer, rules: Rules) -> Table:
    said = [
        (r, f"at least {r.minimum_quantity}, by {r.step}, at most {r.maximum_quantity or 'any'}")
        for r in rules.orders
    ]
    rows = [cells(Cell(words, url=_page(r)), rules.names[r.subject]) for r, words in said]
    rows += [cells(Cell(str(r), url=_page(r)), "the order") for r in rules.minimums]
    return Table(
        "Own order rules",
        columns("Rule", "On"),
        rows,
        "None of its own.",
        _links(customer, "pricing", "orderrule", "Add an order rule"),
    )


def keys(rows: Iterable[Any], used: dict[str, int], customer: Customer) -> Table:
    return Table(
        "Keys",
        columns("Key", "Label", "State", "Ends", "Last used", "30 days", numbers=("30 days",)),
        [
            cells(
                Cell(str(key), url=reverse("admin:apikeys_apikey_change", args=[key.pk])),
                key.label,
                Cell("revoked", tone="bad") if key.revoked_at else Cell("stands"),
                key.expires_at,
                key.used_at,
                f"{used.get(key.public_id, 0):,}",
            )
            for key in rows
        ],
        "No key yet. Issue one, or make a link by which the partner gets it.",
        _links(customer, "apikeys", "apikey", "Issue a key"),
    )


def keys_of(customer: Customer) -> list[Any]:
    rows = ApiKey.objects.filter(customer=customer).defer("secret_sha256").order_by("-pk")
    return list(rows.annotate(used_at=last_use())[:MOST_ROWS])


def links_of(customer: Customer) -> Table:
    rows = ClaimLink.objects.filter(customer=customer, claimed_at=None, withdrawn_at=None)
    return Table(
        "Open claim links",
        columns("Link", "Made by", "Ends"),
        [
            cells(str(each), each.created_by, each.expires_at)
            for each in rows.order_by("-pk")[:MOST_ROWS]
        ],
        "None is open.",
    )


def webhooks(customer: Customer) -> Table:
    rows = Endpoint.objects.filter(customer=customer).order_by("-pk")[:MOST_ROWS]
    return Table(
        "Webhooks",
        columns("Endpoint", "State", "Failures in a row", numbers=("Failures in a row",)),
        [
            cells(
                Cell(each.url, url=reverse("admin:outbound_hooks_endpoint_change", args=[each.pk])),
                Cell("enabled", tone="good")
                if each.is_enabled
                else Cell(each.disabled_reason or "disabled", tone="bad"),
                each.failures,
            )
            for each in rows
        ],
        "No endpoint. The partner registers one under /v1/webhooks, or add one here.",
        _links(customer, "outbound_hooks", "endpoint", "Add an endpoint"),
    )


def history(customer: Customer) -> Table:
    subjects = {customer.slug, *_uids(customer)}
    for key in (
        ApiKey.objects.filter(customer=customer)
        .only("mode", "public_id")
        .order_by("-pk")[:MOST_ROWS]
    ):
        subjects |= {str(key), key.public_id}
    rows = AuditEntry.objects.filter(subject__in=subjects).order_by("-pk")[: MOST_ROWS * 2]
    return Table(
        "History",
        columns("At", "Who", "Did"),
        [cells(each.at, each.actor, Cell(each.action, url=_entry(each))) for each in rows],
        "Nothing was changed of it yet.",
    )


def _uids(customer: Customer) -> set[str]:
    """Return what the audit calls its terms and rules, in one statement."""
    newest = [
        model._default_manager.filter(customer=customer)  # noqa: SLF001 - Django's name for it
        .order_by("-pk")
        .values_list("rule_uid", flat=True)[:_MOST_SUBJECTS]
        for model in (CustomerTerms, VisibilityRule, PriceRule, OrderRule, OrderMinimum)
    ]
    return {str(uid) for uid in newest[0].union(*newest[1:], all=True)}


def _standing(model: type[Rule], customer: Customer) -> list[Any]:
    rows = model._default_manager.filter(customer=customer, until_revision=None)  # noqa: SLF001
    return list(rows.order_by("-pk")[:MOST_ROWS])


def _tone(effect: str) -> str:
    return "good" if effect == "allow" else "bad"


def _page(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])  # noqa: SLF001


def _entry(entry: AuditEntry) -> str:
    return reverse("admin:groundwork_auditentry_change", args=[entry.pk])


def _links(customer: Customer, app: str, model: str, add: str) -> list[Link]:
    added = reverse(f"admin:{app}_{model}_add") + "?" + urlencode({"customer": customer.pk})
    listed = reverse(f"admin:{app}_{model}_changelist") + "?" + urlencode({"q": customer.slug})
    # The sandbox is given nothing: what it has is in the code.
    adds = [] if customer.pk == SANDBOX else [Link(add, added, f"{app}.add_{model}")]
    return [*adds, Link("All of them", listed)]
