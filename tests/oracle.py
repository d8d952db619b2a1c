"""A naive model of the view: every world that ever was, kept whole, and looked at with plain loops.

Independent of the product on purpose: it shares no function and no rule of arithmetic with it.
"""

import copy
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any


@dataclass
class Rule:
    number: int  # the id of the version, by which ties are broken
    who: tuple[str, int]  # ("customer", id) | ("tier", id) | ("everyone", 0)
    what: tuple[str, int]
    starts: datetime | None
    ends: datetime | None
    says: dict[str, Any]

    def reaches(self, customer: int, terms: "Terms") -> bool:
        return self.who in (("customer", customer), ("tier", terms.tier), ("everyone", 0))

    def open_at(self, at: datetime) -> bool:
        return not (self.starts and at < self.starts) and not (self.ends and at >= self.ends)


@dataclass
class Terms:
    tier: int | None
    currency: str
    unpriced: str
    status: str = "active"


@dataclass
class Variant:
    sku: str
    published: bool
    source: int
    brand: int
    product: int
    categories: dict[int, int]  # id -> depth
    price: Decimal | None
    currency: str
    stock: int
    name: str
    retired: bool = False

    def under(self, variant_id: int, what: tuple[str, int]) -> bool:
        kind, subject = what
        return {
            "all": True,
            "source": self.source == subject,
            "brand": self.brand == subject,
            "product": self.product == subject,
            "category": subject in self.categories,
            "variant": variant_id == subject,
        }[kind]


@dataclass
class World:
    variants: dict[int, Variant] = field(default_factory=dict)
    visibility: dict[Any, Rule] = field(default_factory=dict)
    prices: dict[Any, Rule] = field(default_factory=dict)
    terms: dict[int, Terms] = field(default_factory=dict)

    def view(self, customer: int, at: datetime) -> dict[str, dict[str, Any]]:
        terms = self.terms.get(customer)
        if terms is None or terms.status != "active":
            return {}
        return {
            v.sku: self._shown(pk, v, customer, terms, at)
            for pk, v in self.variants.items()
            if self._sees(pk, v, customer, terms, at)
        }

    def _sees(self, pk: int, v: Variant, customer: int, terms: Terms, at: datetime) -> bool:
        if v.retired or not v.published:
            return False
        effects = [
            rule.says["effect"]
            for rule in self.visibility.values()
            if rule.reaches(customer, terms) and rule.open_at(at) and v.under(pk, rule.what)
        ]
        return "allow" in effects and "deny" not in effects

    def _shown(
        self, pk: int, v: Variant, customer: int, terms: Terms, at: datetime
    ) -> dict[str, Any]:
        rules = [
            rule
            for rule in self.prices.values()
            if rule.reaches(customer, terms)
            and v.under(pk, rule.what)
            and rule.says["currency"] == terms.currency
        ]
        edges = [e for rule in rules for e in (rule.starts, rule.ends) if e and e > at]
        listed = v.price if terms.currency == v.currency else None
        return {
            "name": v.name,
            "stock": v.stock,
            "unit": self._unit(v, rules, listed, terms, at),
            "next_change_at": min(edges, default=None),
        }

    def _unit(
        self, v: Variant, rules: list[Rule], listed: Decimal | None, terms: Terms, at: datetime
    ) -> str | None:
        best = None
        for rule in rules:
            percent, amount = rule.says.get("percent"), rule.says.get("amount")
            if not rule.open_at(at) or (amount is None and listed is None):
                continue
            unit = amount if amount is not None else listed * (100 - percent) / 100
            unit = unit.quantize(Decimal("0.01"), ROUND_HALF_UP)
            kind, subject = rule.what
            rank = (
                ["variant", "product", "category", "brand", "source", "all"].index(kind),
                -v.categories[subject] if kind == "category" else 0,
                ["customer", "tier", "everyone"].index(rule.who[0]),
                0 if amount is not None else 1,
                -rule.says["priority"],
                unit,
                rule.number,
            )
            if best is None or rank < best[0]:
                best = (rank, unit)
        if best:
            return str(best[1])
        if listed is None or terms.unpriced == "not_sold":
            return None
        return str(listed.quantize(Decimal("0.01")))


class History:
    """Every world by its revision; `now` is the one being made."""

    def __init__(self) -> None:
        self.now = World()
        self.worlds: dict[int, World] = {0: World()}

    def keep(self, revision: int) -> None:
        self.worlds[revision] = copy.deepcopy(self.now)

    def view(self, customer: int, revision: int, at: datetime) -> dict[str, dict[str, Any]]:
        return self.worlds[revision].view(customer, at)

    def edges(self) -> set[datetime]:
        return {
            edge
            for world in self.worlds.values()
            for rule in (*world.visibility.values(), *world.prices.values())
            for edge in (rule.starts, rule.ends)
            if edge
        }
