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
    orders: dict[Any, Rule] = field(default_factory=dict)
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
        def mine(rules: dict[Any, Rule]) -> list[Rule]:
            return [r for r in rules.values() if r.reaches(customer, terms) and v.under(pk, r.what)]

        prices = [r for r in mine(self.prices) if r.says["currency"] in ("", terms.currency)]
        orders = mine(self.orders)
        edges = [e for rule in prices + orders for e in (rule.starts, rule.ends) if e and e > at]
        open_prices = [rule for rule in prices if rule.open_at(at)]
        breaks = self._breaks(v, open_prices, terms)
        return {
            "name": v.name,
            "stock": v.stock,
            "unit": breaks[0][1] if breaks and breaks[0][0] == 1 else None,
            "breaks": breaks,
            "order": self._order(v, [rule for rule in orders if rule.open_at(at)]),
            "next_change_at": min(edges, default=None),
        }

    def _breaks(self, v: Variant, rules: list[Rule], terms: Terms) -> list[tuple[int, str]]:
        """Ask for every single quantity up to the largest that any rule names."""
        listed = v.price if terms.currency == v.currency else None
        free = {r.says["exempt_from"] for r in rules if r.says["kind"] == "exempt"}
        largest = max((q for rule in rules for q, _ in rule.says["ladder"]), default=1)
        told: list[tuple[int, str]] = []
        cheapest = None
        for quantity in range(1, largest + 1):
            unit = self._unit(v, rules, listed, terms, quantity, free)
            if unit is not None and (cheapest is None or unit < cheapest):
                cheapest = unit
                told.append((quantity, str(unit)))
        return told

    def _unit(
        self,
        v: Variant,
        rules: list[Rule],
        listed: Decimal | None,
        terms: Terms,
        quantity: int,
        free: set[str],
    ) -> Decimal | None:
        best = None
        for rule in rules:
            kind = rule.says["kind"]
            reached = [value for q, value in rule.says["ladder"] if q <= quantity]
            if not reached or (kind == "percent" and (listed is None or _freed(rule, free))):
                continue
            unit = listed * (100 - reached[-1]) / 100 if kind == "percent" else reached[-1]
            unit = unit.quantize(Decimal("0.01"), ROUND_HALF_UP)
            rank = (
                *_rank(v, rule),
                ["contract", "fixed", "percent"].index(kind),
                -rule.says["priority"],
                unit,
                rule.number,
            )
            if best is None or rank < best[0]:
                best = (rank, unit)
        if best:
            return best[1]
        if listed is None or terms.unpriced == "not_sold":
            return None
        return listed.quantize(Decimal("0.01"))

    def _order(self, v: Variant, rules: list[Rule]) -> tuple[int, int, int | None]:
        ranked = [((*_rank(v, r), -r.says["priority"], r.number), r.says["order"]) for r in rules]
        return min(ranked, key=lambda each: each[0])[1] if ranked else (1, 1, None)


def _rank(v: Variant, rule: Rule) -> tuple[int, int, int]:
    kind, subject = rule.what
    return (
        ["variant", "product", "category", "brand", "source", "all"].index(kind),
        -v.categories[subject] if kind == "category" else 0,
        ["customer", "tier", "everyone"].index(rule.who[0]),
    )


def _freed(rule: Rule, free: set[str]) -> bool:
    kind = rule.what[0]
    return ("category" in free and kind == "category") or (
        "general" in free and kind in ("brand", "source", "all")
    )


def told(item: dict[str, Any]) -> dict[str, Any]:
    """Return what the oracle knows of an item."""
    price, order = item["price"], item["order"]
    edge = price["next_change_at"]
    return {
        "name": item["name"],
        "stock": item["stock"]["on_hand"],
        "unit": price["unit"],
        "breaks": [(rung["minimum_quantity"], rung["unit"]) for rung in price["breaks"]],
        "order": (order["minimum_quantity"], order["step"], order["maximum_quantity"]),
        "next_change_at": datetime.fromisoformat(edge) if edge else None,
    }


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
            for rule in (
                *world.visibility.values(),
                *world.prices.values(),
                *world.orders.values(),
            )
            for edge in (rule.starts, rule.ends)
            if edge
        }
