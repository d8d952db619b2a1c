"""Promise 2, "delta = view, whatever happens": two clients that poll while everything moves."""

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from catalog_mirror import mirror, taxonomy
from catalog_mirror.models import Brand, Category, Product, Source
from catalog_mirror.models import Variant as VariantRow
from catalog_mirror.records import (
    BrandRecord,
    CategoryRecord,
    Content,
    Price,
    ProductRecord,
    Stock,
    StockAt,
    VariantRecord,
)
from contract.change_cursors import FACETS, change_cursor
from contract.etags import NO_DIGEST, PRODUCTS, STOCK, Tags, is_unchanged
from contract.lists import PageRequest, product_page
from contract.parameters import Filters
from contract.snapshots import snapshot_for
from customers import versions
from customers.models import Customer, CustomerTerms, Tier, VisibilityRule
from pricing.ladders import column_of
from pricing.models import OrderRule, PriceRule
from pricing.rule_versions import Step
from tests.conftest import Clock, as_login, clean_database
from tests.oracle import History, Rule, Terms, Variant, told
from tests.promises.partner import Partner

WATCHED = {"products": PRODUCTS, "stock": STOCK}
MATCHED: Counter[str] = Counter()  # how often a list was said to be unchanged
SKUS = ["A", "B", "C", "D", "E", "F", "G"]
OFFSETS = [-40.0, -8.0, -0.5, 0.002, 0.02, 1.0, 4.0, 9.0, 11.0, 30.0]  # seconds from now
LADDERS: dict[str, list[list[tuple[int, Decimal]]]] = {
    "percent": [
        [(1, Decimal(10))],
        [(1, Decimal("33.3"))],
        [(3, Decimal(20)), (5, Decimal(50))],
        [(1, Decimal(5)), (4, Decimal(100))],
    ],
    "fixed": [
        [(1, Decimal("1.50"))],
        [(1, Decimal("9.99")), (5, Decimal("3.00"))],
        [(2, Decimal("10.00")), (6, Decimal(0))],
    ],
    "contract": [[(1, Decimal("8.88"))], [(3, Decimal("2.22"))]],
    "exempt": [[]],
}
# An instant of the first ten seconds is of no revision that everybody could read.
_INSTALLED_AN_HOUR_AGO = """
    update catalog_mirror_epoch set started_at = now() - interval '1 hour';
    update catalog_mirror_revision set recorded_at = now() - interval '1 hour'
"""
CHEAP = {
    "kind": "fixed",
    "ladder": [(1, Decimal("1.50"))],
    "currency": "USD",
    "priority": 1,
    "exempt_from": "",
}
ORDERS: list[tuple[int, int, int | None]] = [(1, 1, None), (2, 2, None), (6, 3, 12)]

skus = st.sampled_from(SKUS)
places = st.integers(0, 5)
facets = st.sampled_from([FACETS, FACETS, ("product",), ("price",), ("stock",), ("price", "stock")])
windows = st.one_of(
    st.just((None, None)),
    st.tuples(st.none(), st.sampled_from(OFFSETS)),
    st.tuples(st.sampled_from(OFFSETS), st.none()),
    st.tuples(st.sampled_from(OFFSETS), st.sampled_from(OFFSETS)).filter(lambda w: w[0] < w[1]),
)


def price_columns(says: dict[str, Any]) -> dict[str, Any]:
    """Return what a rule of the oracle's says as the product's columns."""
    columns = {name: says[name] for name in ("kind", "currency", "priority", "exempt_from")}
    if not says["ladder"]:
        return columns
    (quantity, value), *breaks = says["ladder"]
    column = "percent" if says["kind"] == "percent" else "amount"
    steps = column_of(Step(q, v, "") for q, v in breaks)
    return {**columns, column: value, "minimum_quantity": quantity, "breaks": steps}


class DeltaMachine(RuleBasedStateMachine):
    # Steps have no preconditions: which hold would hang on milliseconds, and so would what is drawn.

    def __init__(self) -> None:
        super().__init__()
        clean_database()
        as_login(_INSTALLED_AN_HOUR_AGO)
        self.clock = Clock()
        self.history = History()
        self.times: set[datetime] = set()
        self.external: dict[int, tuple[Source, str]] = {}
        self.serial = 0
        # One life has slow commits or a clock that goes back, not both: see DECISIONS.md.
        self.was_slow = self.clock_went_back = False
        self.observed = self.clock.now()

    # -- the world as it begins ---------------------------------------------------------------

    @initialize(seen=st.booleans(), told=st.tuples(facets, facets))
    def begin(self, seen: bool, told: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
        self.sources = [
            Source.objects.create(slug=slug, name=slug, currency=currency, rank=rank)
            for rank, (slug, currency) in enumerate((("one", "USD"), ("two", "EUR")))
        ]
        for source in self.sources:
            tree = [("root", None), ("leaf", "root"), ("other", None)]
            taxonomy.apply_categories(
                source,
                [
                    CategoryRecord(external_id=i, parent_external_id=p, slug=i, name=i)
                    for i, p in tree
                ],
                origin="test",
            )
        self.tiers = [Tier.objects.create(slug=s, name=s) for s in ("gold", "silver")]
        customers = [Customer.objects.create(slug=s, name=s) for s in ("alice", "bob")]
        self.clients = [
            Partner(customer.pk, each) for customer, each in zip(customers, told, strict=True)
        ]
        self.tags: dict[tuple[int, str], tuple[str, int, datetime]] = {}
        self.history.keep(self._revision())
        for customer, tier in zip(customers, self.tiers, strict=True):
            versions.add(CustomerTerms, actor="t", customer=customer, tier=tier, currency="USD")
            self.history.now.terms[customer.pk] = Terms(tier.pk, "USD", "list_price")
            self._keep()
        for place in range(4):
            self._create(place, SKUS[place])
        if seen:
            self._add_visibility(("everyone", 0), ("all", 0), "allow", None, None)
        for tier, source in zip(self.tiers, self.sources, strict=True):
            brand = Brand.objects.filter(source=source).earliest("pk")
            is_narrow = (
                tier == self.tiers[1] and not seen
            )  # where a variant may leave all that it sees
            what = ("brand", brand.pk) if is_narrow else ("source", source.pk)
            self._add_visibility(("tier", tier.pk), what, "allow", None, None)

    def _revision(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("select max(number) from catalog_mirror_revision")
            return cursor.fetchone()[0]

    def _keep(self, slow: float = 0.0) -> None:
        """Keep the world under its revision; a slow commit was stamped that much earlier."""
        number = self._revision()
        self.history.keep(number)
        if slow and not self.clock_went_back:
            self.was_slow = True
            as_login(
                "update catalog_mirror_revision r set recorded_at = greatest("
                f"r.recorded_at - interval '{slow} s', (select p.recorded_at "
                f"from catalog_mirror_revision p where p.number = {number - 1})) "
                f"where r.number = {number}"
            )
        with connection.cursor() as cursor:
            cursor.execute(
                "select recorded_at from catalog_mirror_revision where number = %s", [number]
            )
            self.times.add(cursor.fetchone()[0])

    # -- the mirror ----------------------------------------------------------------------------

    def _record(self, source: Source, external_id: str, v: dict[str, Any]) -> ProductRecord:
        return ProductRecord(
            external_id=v["product"],
            code=v["product"],
            name=v["product"],
            url="",
            brand=BrandRecord(external_id=v["brand"], slug=v["brand"], name=v["brand"]),
            category_external_ids=tuple(v["categories"]),
            variants=(
                VariantRecord(
                    external_id=external_id,
                    content=Content(sku=v["sku"], is_published=v["published"], name=v["name"]),
                    price=Price(list_price=v["price"]),
                    stock=Stock(status="in_stock", levels=(StockAt(on_hand=v["stock"]),)),
                ),
            ),
        )

    def _observed_at(self) -> datetime:
        """Return now, but no earlier than before: the fence drops what an older clock observed."""
        self.observed = max(self.observed, self.clock.now())
        return self.observed

    def _apply(self, source: Source, wanted: dict[str, dict[str, Any]], slow: float = 0.0) -> None:
        before = self._revision()
        applied = mirror.apply(
            source,
            [self._record(source, external_id, v) for external_id, v in wanted.items()],
            observed_at=self._observed_at(),
            origin="test",
        )
        assert not applied.unread_holders
        assert not applied.quarantined
        if self._revision() == before:
            return
        for row in VariantRow.objects.filter(source=source, external_id__in=wanted):
            v = wanted[row.external_id]
            self.external[row.pk] = (source, row.external_id)
            self.history.now.variants[row.pk] = Variant(
                sku=v["sku"],
                published=v["published"],
                source=source.pk,
                brand=Brand.objects.get(source=source, external_id=v["brand"]).pk,
                product=Product.objects.get(source=source, external_id=v["product"]).pk,
                categories=self._closure(source, v["categories"]),
                price=v["price"],
                currency=source.currency,
                stock=v["stock"],
                name=v["name"],
            )
        self._keep(slow)

    def _closure(self, source: Source, names: list[str]) -> dict[int, int]:
        found = {}
        for name in names:
            ids = Category.objects.get(source=source, external_id=name).ancestor_ids
            found |= {pk: depth for depth, pk in enumerate(ids)}
        return found

    def _described(self, pk: int) -> dict[str, Any]:
        row = self.history.now.variants[pk]
        categories = Category.objects.filter(pk__in=row.categories)
        parents = {c.parent_id for c in categories}
        return {
            "sku": row.sku,
            "published": row.published,
            "product": Product.objects.get(pk=row.product).external_id,
            "brand": Brand.objects.get(pk=row.brand).external_id,
            "categories": [c.external_id for c in categories if c.pk not in parents],
            "price": row.price,
            "stock": row.stock,
            "name": row.name,
        }

    def _create(self, place: int, sku: str) -> None:
        self.serial += 1
        self._apply(
            self.sources[place % 2],
            {
                f"e{self.serial}": {
                    "sku": sku,
                    "published": True,
                    "product": f"p{place % 3}",
                    "brand": f"b{place % 2}",
                    "categories": [["leaf"], ["other"], []][place % 3],
                    "price": Decimal("10.00"),
                    "stock": 5,
                    "name": "new",
                }
            },
        )

    def _live(self) -> list[int]:
        return [pk for pk, v in self.history.now.variants.items() if not v.retired]

    def _free(self, sku: str) -> bool:
        return all(self.history.now.variants[pk].sku != sku for pk in self._live())

    def _pick(self, place: int) -> int | None:
        live = self._live()
        return live[place % len(live)] if live else None

    @rule(place=places, sku=skus)
    def create(self, place: int, sku: str) -> None:
        retired_here = any(
            v.retired and v.sku == sku and v.source == self.sources[place % 2].pk
            for v in self.history.now.variants.values()
        )
        if self._free(sku) and not retired_here and len(self.history.now.variants) < 8:
            self._create(place, sku)

    @rule(
        place=places,
        field=st.sampled_from(
            ["name", "price", "stock", "published", "brand", "categories", "product"]
        ),
        choice=st.integers(0, 2),
        slow=st.sampled_from([0.0, 0.0, 3.0, 9.0]),
    )
    def edit(self, place: int, field: str, choice: int, slow: float) -> None:
        pk = self._pick(place)
        if pk is None:
            return
        values = {
            "name": ["x", "y", "z"],
            "price": [Decimal("10.00"), Decimal("3.33"), None],
            "stock": [0, 5, 7],
            "published": [True, False, True],
            "brand": ["b0", "b1", "b2"],
            "categories": [["leaf"], ["other"], ["root", "other"]],
            "product": ["p0", "p1", "p2"],
        }
        source, external_id = self.external[pk]
        self._apply(
            source, {external_id: self._described(pk) | {field: values[field][choice]}}, slow
        )

    @rule(place=places, sku=skus)
    def rename(self, place: int, sku: str) -> None:
        pk = self._pick(place)
        if pk is not None and self._free(sku):
            source, external_id = self.external[pk]
            self._apply(source, {external_id: self._described(pk) | {"sku": sku}})

    @rule(one=places, other=places)
    def swap_skus(self, one: int, other: int) -> None:
        a, b = self._pick(one), self._pick(other)
        if a is None or b is None or a == b or self.external[a][0] != self.external[b][0]:
            return
        x, y = self._described(a), self._described(b)
        source = self.external[a][0]
        self._apply(
            source,
            {
                self.external[a][1]: x | {"sku": y["sku"]},
                self.external[b][1]: y | {"sku": x["sku"]},
            },
        )

    @rule(which=st.integers(0, 1), currency=st.sampled_from(["USD", "EUR"]))
    def sell_in(self, which: int, currency: str) -> None:
        """A shop changes its currency; each variant follows when it is next read."""
        self.sources[which].currency = currency
        Source.objects.filter(pk=self.sources[which].pk).update(currency=currency)

    @rule(place=places)
    def retire(self, place: int) -> None:
        pk = self._pick(place)
        if pk is None:
            return
        source, external_id = self.external[pk]
        mirror.retire(source, [external_id], observed_at=self._observed_at(), origin="test")
        self.history.now.variants[pk].retired = True
        self._keep()

    @rule(place=places, reimported=st.booleans())
    def revive(self, place: int, reimported: bool) -> None:
        gone = [pk for pk, v in self.history.now.variants.items() if v.retired]
        if not gone:
            return
        pk = gone[place % len(gone)]
        wanted = self._described(pk)
        twins = [
            v for v in self.history.now.variants.values() if v.retired and v.sku == wanted["sku"]
        ]
        if not self._free(wanted["sku"]) or (reimported and len(twins) > 1):
            return
        source, external_id = self.external[pk]
        if reimported:
            self.serial += 1
            external_id = f"e{self.serial}"
        self._apply(source, {external_id: wanted})

    # -- rules, terms, clock --------------------------------------------------------------------

    def _who(self, choice: int) -> tuple[str, int]:
        tiers = [("tier", tier.pk) for tier in self.tiers]
        customers = [("customer", client.customer) for client in self.clients]
        return [("everyone", 0), *tiers, *customers][choice % 5]

    def _what(self, choice: int) -> tuple[str, int]:
        subjects = [("all", 0)]
        subjects += [("source", source.pk) for source in self.sources]
        subjects += [("brand", pk) for pk in Brand.objects.values_list("pk", flat=True)]
        subjects += [("category", pk) for pk in Category.objects.values_list("pk", flat=True)]
        subjects += [("product", pk) for pk in Product.objects.values_list("pk", flat=True)]
        subjects += [("variant", pk) for pk in self.history.now.variants]
        return subjects[choice % len(subjects)]

    def _window(self, window: tuple[float | None, float | None]) -> list[datetime | None]:
        now = self.clock.now()
        return [None if edge is None else now + timedelta(seconds=edge) for edge in window]

    @staticmethod
    def _columns(who: tuple[str, int], what: tuple[str, int]) -> dict[str, int]:
        return {f"{kind}_id": pk for kind, pk in (who, what) if pk}

    def _add_visibility(
        self,
        who: tuple[str, int],
        what: tuple[str, int],
        effect: str,
        starts: datetime | None,
        ends: datetime | None,
    ) -> bool:
        """Add a rule, unless it is one that stands already: such a one is refused."""
        try:
            row = versions.add(
                VisibilityRule,
                actor="t",
                effect=effect,
                starts_at=starts,
                ends_at=ends,
                **self._columns(who, what),
            )
        except ValidationError:
            return False
        self.history.now.visibility[row.rule_uid] = Rule(
            row.pk, who, what, starts, ends, {"effect": effect}
        )
        self._keep()
        return True

    @rule(
        who=st.integers(0, 4),
        what=st.integers(0, 30),
        effect=st.sampled_from(["allow", "allow", "deny"]),
        window=windows,
    )
    def add_visibility(self, who: int, what: int, effect: str, window: Any) -> None:
        self._add_visibility(self._who(who), self._what(what), effect, *self._window(window))

    @rule(
        who=st.integers(0, 4),
        what=st.integers(0, 30),
        window=windows,
        kind=st.sampled_from([*LADDERS, "percent", "fixed"]),
        chosen=st.integers(0, 3),
        currency=st.sampled_from(["USD", "USD", "EUR"]),
        priority=st.integers(0, 1),
    )
    def add_price(
        self, who: int, what: int, window: Any, kind: str, chosen: int, currency: str, priority: int
    ) -> None:
        if kind == "contract":
            who = 3 + who % 2
        ladder = LADDERS[kind][chosen % len(LADDERS[kind])]
        exempt = ("category", "general")[chosen % 2] if kind == "exempt" else ""
        says = {
            "kind": kind,
            "ladder": ladder,
            "currency": "" if exempt else currency,
            "priority": priority,
            "exempt_from": exempt,
        }
        self._add_rule(PriceRule, who, what, window, says, price_columns(says))

    @rule(
        who=st.integers(0, 4),
        what=st.integers(0, 30),
        window=windows,
        order=st.sampled_from(ORDERS),
        priority=st.integers(0, 1),
    )
    def add_order_rule(
        self, who: int, what: int, window: Any, order: tuple[int, int, int | None], priority: int
    ) -> None:
        columns = dict(
            zip(("minimum_quantity", "step", "maximum_quantity"), order, strict=True),
            priority=priority,
        )
        says = {"order": order, "priority": priority}
        self._add_rule(OrderRule, who, what, window, says, columns)

    def _add_rule(
        self,
        model: Any,
        who: int,
        what: int,
        window: Any,
        says: dict[str, Any],
        columns: dict[str, Any],
    ) -> bool:
        """Add a rule, unless it is one that stands already: such a one is refused."""
        chosen, subject = self._who(who), self._what(what)
        starts, ends = self._window(window)
        when = {"starts_at": starts, "ends_at": ends}
        try:
            row = versions.add(
                model, actor="t", **when, **columns, **self._columns(chosen, subject)
            )
        except ValidationError:
            return False
        world = self.history.now
        held = world.prices if model is PriceRule else world.orders
        held[row.rule_uid] = Rule(row.pk, chosen, subject, starts, ends, says)
        self._keep()
        return True

    def _some_rule(self, choice: int) -> tuple[Any, Any, dict[Any, Rule]] | None:
        world = self.history.now
        rules = [(VisibilityRule, uid, world.visibility) for uid in world.visibility]
        rules += [(PriceRule, uid, world.prices) for uid in world.prices]
        rules += [(OrderRule, uid, world.orders) for uid in world.orders]
        return rules[choice % len(rules)] if rules else None

    @rule(choice=st.integers(0, 9), slow=st.sampled_from([0.0, 0.0, 2.0, 9.0]))
    def withdraw_rule(self, choice: int, slow: float) -> None:
        chosen = self._some_rule(choice)
        if chosen is None:
            return
        model, uid, held = chosen
        versions.withdraw(model, uid, actor="t")
        del held[uid]
        self._keep(slow)

    @rule(choice=st.integers(0, 9), window=windows, slow=st.sampled_from([0.0, 9.0]))
    def change_window(self, choice: int, window: Any, slow: float) -> None:
        chosen = self._some_rule(choice)
        if chosen is None:
            return
        model, uid, held = chosen
        starts, ends = self._window(window)
        try:
            row = versions.change(model, uid, actor="t", starts_at=starts, ends_at=ends)
        except ValidationError:
            return
        old = held[uid]
        held[uid] = Rule(row.pk, old.who, old.what, starts, ends, old.says)
        self._keep(slow)

    @rule(
        who=st.integers(0, 1),
        tier=st.one_of(st.none(), st.integers(0, 1)),
        unpriced=st.sampled_from(["list_price", "list_price", "not_sold"]),
        currency=st.sampled_from(["USD", "USD", "USD", "EUR"]),
    )
    def change_terms(self, who: int, tier: int | None, unpriced: str, currency: str) -> None:
        customer = self.clients[who].customer
        tier_id = None if tier is None else self.tiers[tier].pk
        uid = versions.terms_of(customer).rule_uid
        versions.change(
            CustomerTerms, uid, actor="t", tier_id=tier_id, unpriced=unpriced, currency=currency
        )
        self.history.now.terms[customer] = Terms(tier_id, currency, unpriced)
        self._keep()

    @rule(seconds=st.sampled_from([0.01, 0.5, 2.0, 5.0, 12.0, 35.0, -3.0]))
    def move_clock(self, seconds: float) -> None:
        if seconds < 0:
            if self.was_slow:
                return
            self.clock_went_back = True
        self.clock.move(timedelta(seconds=seconds))

    # -- the clients ----------------------------------------------------------------------------

    def _check(self, client: Partner, entries: list[dict[str, Any]]) -> None:
        snapshot = client.snapshot
        self.times.add(snapshot.at)
        view = self.history.view(client.customer, snapshot.revision, snapshot.at)
        for entry in entries:
            if entry["op"] == "upsert":
                assert entry["sku"] in view, f"{entry['sku']} is not for this customer"
                assert told(entry["item"]) == view[entry["sku"]]
                assert set(entry["changed"]) <= set(client.facets)
            else:
                assert entry["sku"] not in view, f"{entry['sku']} is still seen"
                assert self._was_seen(client, entry["sku"]), f"{entry['sku']} was never seen"

    def _was_seen(self, client: Partner, sku: str) -> bool:
        times = self.times | self.history.edges()
        return any(
            sku in world.view(client.customer, at)
            for world in self.history.worlds.values()
            if any(v.sku == sku for v in world.variants.values())
            for at in times
        )

    def _advance(self, client: Partner, limit: int) -> dict[str, Any]:
        answer = client.advance(limit)
        self._check(client, answer["data"])
        return answer

    @rule(who=st.integers(0, 1), limit=st.integers(1, 4))
    def poll(self, who: int, limit: int) -> None:
        self._advance(self.clients[who], limit)

    @rule(who=st.integers(0, 1), limit=st.integers(1, 4))
    def apply_but_lose_the_cursor(self, who: int, limit: int) -> None:
        client = self.clients[who]
        if client.copy.cursor is not None:
            client.limit = limit
            _, page = client.page(client.copy.cursor)
            self._check(client, page["data"])
            client.copy.apply(page["data"])

    @rule(who=st.integers(0, 1), choice=st.integers(0, 50))
    def go_back_to_an_old_cursor(self, who: int, choice: int) -> None:
        client = self.clients[who]
        if client.used and client.copy.named is None:
            client.copy.cursor = client.used[choice % len(client.used)]

    @rule(who=st.integers(0, 1))
    def enumerate_again(self, who: int) -> None:
        self.clients[who].copy.start_over()

    @rule(who=st.integers(0, 1))
    def walk_the_list_and_go_on_from_its_instant(self, who: int) -> None:
        client = self.clients[who]
        with snapshot_for(client.customer, not_before=client.latest_at) as snapshot:
            page = product_page(snapshot, PageRequest(Filters(()), 100, None))
        self.times.add(snapshot.at)
        client.note(snapshot)
        client.begin_with([orjson.loads(item) for item in page.items], snapshot.at)

    @rule(who=st.integers(0, 1), limit=st.integers(1, 4))
    def send_a_webhook(self, who: int, limit: int) -> None:
        client = self.clients[who]
        self._check(client, client.be_told(limit))

    @rule(who=st.integers(0, 1), choice=st.integers(0, 50))
    def a_webhook_arrives(self, who: int, choice: int) -> None:
        """In any order, late, and as often as it likes."""
        client = self.clients[who]
        if client.on_their_way:
            client.copy.apply(client.on_their_way[choice % len(client.on_their_way)])

    @rule(who=st.integers(0, 1), which=st.sampled_from(sorted(WATCHED)))
    def ask_for_a_list_with_its_tag(self, who: int, which: str) -> None:
        """A 304 says that the list is what it was: the oracle must agree."""
        client = self.clients[who]
        tags = Tags(client.customer, which, "")
        text, revision, then = self.tags.get((who, which), ("", 0, None))
        tag = tags.newest_of(text)
        with snapshot_for(client.customer, not_before=tag.mark.at if tag else None) as snapshot:
            matched = bool(tag) and is_unchanged(snapshot, tag, WATCHED[which])
            fresh = tags.of(snapshot, NO_DIGEST)
        self.times.add(snapshot.at)
        if matched:
            MATCHED[which] += 1
            before = self._listed(client, which, revision, then)
            assert before == self._listed(client, which, snapshot.revision, snapshot.at)
        else:
            self.tags[who, which] = (fresh, snapshot.revision, snapshot.at)

    def _listed(self, client: Partner, which: str, revision: int, at: datetime) -> dict[str, Any]:
        view = self.history.view(client.customer, revision, at)
        return view if which == "products" else {sku: item["stock"] for sku, item in view.items()}

    # -- what is rare by chance, and easily lost -------------------------------------------------

    @rule(who=st.integers(0, 1), what=st.integers(0, 30), priced=st.booleans())
    def come_and_go_between_two_answers(self, who: int, what: int, priced: bool) -> None:
        """A rule is seen in an answer whose cursor is lost, and is withdrawn before the next."""
        self.converge(who)
        if priced:
            model, held = PriceRule, self.history.now.prices
            columns = price_columns(CHEAP)
            was_added = self._add_rule(model, who + 3, what, (None, None), CHEAP, columns)
        else:
            model, held = VisibilityRule, self.history.now.visibility
            customer = ("customer", self.clients[who].customer)
            was_added = self._add_visibility(customer, self._what(what), "allow", None, None)
        if not was_added:
            return
        uid = list(held)[-1]
        self.apply_but_lose_the_cursor(who, 4)
        versions.withdraw(model, uid, actor="t")
        del held[uid]
        self._keep()

    @rule(who=st.integers(0, 1), what=st.integers(0, 30))
    def open_by_the_clock_and_withdraw_slowly(self, who: int, what: int) -> None:
        """A window opens and is seen; its rule's end was stamped before, and commits after that."""
        customer = ("customer", self.clients[who].customer)
        opens = self.clock.now() + timedelta(seconds=1)
        if not self._add_visibility(customer, self._what(what), "allow", opens, None):
            return
        uid = list(self.history.now.visibility)[-1]
        self.converge(who)
        self.move_clock(2.0)
        self.apply_but_lose_the_cursor(who, 4)
        versions.withdraw(VisibilityRule, uid, actor="t")
        del self.history.now.visibility[uid]
        self._keep(slow=9.0)

    @rule(who=st.integers(0, 1), place=places)
    def a_webhook_overtaken_by_a_page(self, who: int, place: int) -> None:
        """A removal is sent, the item comes back and is polled, and then the removal arrives."""
        client = self.clients[who]
        self.edit(place, "published", 0, 0.0)
        for _ in range(20):
            if not client.be_told(4):
                break
        self.edit(place, "published", 1, 0.0)
        self.send_a_webhook(who, 4)
        self.edit(place, "published", 0, 0.0)
        self.converge(who)
        self.a_webhook_arrives(who, len(client.on_their_way) - 1)
        self.converge(who)

    @rule(
        who=st.integers(0, 1),
        which=st.sampled_from(sorted(WATCHED)),
        place=places,
        field=st.sampled_from(["stock", "price", "name", "published", "rule", ""]),
        choice=st.integers(0, 2),
    )
    def ask_with_a_tag_before_and_after(
        self, who: int, which: str, place: int, field: str, choice: int
    ) -> None:
        for _ in range(2):
            self.ask_for_a_list_with_its_tag(who, which)
        if field == "rule":
            customer = ("customer", self.clients[who].customer)
            effect = "deny" if choice else "allow"
            self._add_visibility(customer, self._what(place), effect, None, None)
        elif field:
            self.edit(place, field, choice, 0.0)
        self.ask_for_a_list_with_its_tag(who, which)

    @rule(who=st.integers(0, 1), returns=st.booleans())
    def move_between_tiers(self, who: int, returns: bool) -> None:
        """A customer leaves its tier, is answered, and may come back before the next answer."""
        self.converge(who)
        customer = self.clients[who].customer
        before = self.history.now.terms[customer]
        ids = [tier.pk for tier in self.tiers]
        other = ids[0] if before.tier == ids[1] else ids[1]
        for tier_id in [other, before.tier] if returns else [other]:
            uid = versions.terms_of(customer).rule_uid
            versions.change(CustomerTerms, uid, actor="t", tier_id=tier_id)
            self.history.now.terms[customer] = Terms(tier_id, before.currency, before.unpriced)
            self._keep()
            self.apply_but_lose_the_cursor(who, 4)

    @rule(who=st.integers(0, 1))
    def converge(self, who: int) -> None:
        client = self.clients[who]
        if self.clock_went_back:
            self._catch_up(client)
        for _ in range(200):
            starts_a_pass = self._starts_a_pass(client)
            answer = self._advance(client, 3)
            if starts_a_pass and not answer["data"] and not answer["has_more"]:
                break
        else:
            raise AssertionError("the changes never end")
        snapshot = client.snapshot
        view = self.history.view(client.customer, snapshot.revision, snapshot.at)
        expected = client.cut(view)
        held = client.cut({sku: told(item) for sku, item in client.copy.items.items()})
        assert held == expected, f"held {held}, but the view is {expected}"

    def _catch_up(self, client: Partner) -> None:
        """Let the clock come to where it was: until then a copy may be ahead of it."""
        behind = (client.latest_at or self.clock.now()) - self.clock.now()
        if behind > timedelta(0):
            self.clock.move(behind)

    @staticmethod
    def _starts_a_pass(client: Partner) -> bool:
        """Tell whether the next page begins a pass of changes, not the rest of an older one."""
        if client.copy.cursor is None or client.copy.cursor.startswith("2"):
            return False
        cursor = change_cursor(client.copy.cursor, customer_id=client.customer)
        return cursor.since is not None and cursor.target is None

    def teardown(self) -> None:
        if hasattr(self, "clients"):
            self.converge(0)
            self.converge(1)
