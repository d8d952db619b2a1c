"""Promise 3: 0 foreign rows, whatever is asked; and still 0 where the query forgets its gate."""

import re
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote, urlencode

import orjson
import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog_mirror import revisions
from catalog_mirror.models import SANDBOX_SOURCE, Brand, Category, Product, Source, Variant
from catalog_mirror.records import BrandRecord
from contract import catalogue, delta, items, lists, pricing
from contract.lists import PageRequest, product_page
from contract.parameters import MOST_ITEMS, Filters
from contract.sandbox.making import make_sandbox
from contract.snapshots import snapshot_for
from customers import versions
from customers.entitlements import GATE
from customers.models import SANDBOX, VisibilityRule
from groundwork.roles import refuse_unsafe_api_role, role_name
from outbound_hooks import deliveries, endpoints
from outbound_hooks.deliveries import Message
from pricing.models import OrderMinimum, OrderRule, PriceRule
from tests import oracle
from tests.conftest import as_login
from tests.factories import (
    INKWELL,
    NORTHCUP,
    SKUS,
    UNPUBLISHED,
    Cast,
    CustomerFactory,
    SourceFactory,
    TierFactory,
    a_category,
    a_product,
    a_variant,
    allow,
    cast,
    categorized,
    client_of,
    deny,
    mirrored,
    now,
    percent_off,
    snapshot_of,
    with_terms,
)
from tests.promises.delta_machine import LADDERS, ORDERS, price_columns

HUSH = BrandRecord(external_id="h", slug="hush-brand", name="Hush Brand")
# Everything in the mirror that names something, by the filter that takes it.
NAMED = {
    "sku": [*SKUS, UNPUBLISHED, "HUSH-01"],
    "brand": ["northcup", "inkwell", "hush-brand"],
    "category": ["drinkware", "mugs", "writing", "vault"],
    "product": ["MUG-11", "PEN", "P3", "P4", "HUSH-PRODUCT"],
    "source": ["drinkware", "hush-source"],
}
OWN = {
    "alice": set(SKUS),
    "bob": {"MUG-11-BLK", "MUG-11-WHT"},
    "carol": set(),
    "dave": set(),
}
# What may stand in an answer besides one's own SKUs.
OWN_WORDS = {
    "alice": {"northcup", "inkwell", "drinkware", "mugs", "writing", "MUG-11", "PEN", "P3"},
    "bob": {"northcup", "drinkware", "mugs", "MUG-11"},
    "carol": set(),
    "dave": set(),
}
LISTS = ("/v1/products", "/v1/stock")
NAMES = ("/v1/brands", "/v1/categories", "/v1/me")


@pytest.fixture
def people(database) -> Cast:
    """The cast, and a shop that is denied to everyone."""
    made = cast()
    hidden = SourceFactory(slug="hush-source")
    categorized(hidden, a_category("vault"))
    mirrored(
        hidden,
        a_product(
            "p1",
            a_variant("1", sku="HUSH-01", name="Hush thing"),
            code="HUSH-PRODUCT",
            name="Hush product",
            brand=HUSH,
            category_external_ids=("vault",),
        ),
    )
    deny(source=hidden)
    return made


def foreign_words(who: str) -> list[str]:
    words = {word for names in NAMED.values() for word in names} | {"Hush"}
    return sorted(words - OWN[who] - OWN_WORDS[who])


def assert_leaks_nothing(who: str, answer) -> None:
    said = answer.content.decode() + repr(dict(answer.headers))
    for word in foreign_words(who):
        assert not re.search(rf"\b{re.escape(word)}\b(?!-)", said), f"{who} is told of {word}"


@pytest.mark.parametrize("who", OWN)
def test_every_endpoint_with_every_foreign_name(people, who):
    client = client_of(getattr(people, who))
    served = 403 if who == "dave" else 200
    for path in LISTS:
        for name, values in NAMED.items():
            for value in values:
                answer = client.get(path, {name: value})
                assert answer.status_code == served
                assert_leaks_nothing(who, answer)
                found = {item["sku"] for item in answer.json().get("data", [])}
                assert found <= OWN[who]
                if value in foreign_words(who):
                    assert found == set()
    for path in (*LISTS, "/v1/changes"):
        answer = client.get(path)
        assert_leaks_nothing(who, answer)
        assert {item["sku"] for item in answer.json().get("data", [])} == OWN[who]
    for path in NAMES:
        answer = client.get(path)
        assert answer.status_code == served
        assert_leaks_nothing(who, answer)


@pytest.mark.parametrize("who", OWN)
def test_prices_of_every_foreign_sku_are_those_of_none(people, who):
    client = client_of(getattr(people, who))
    for sku in NAMED["sku"]:
        answer = client.get("/v1/pricing", {"sku": sku})
        if who == "dave":
            assert answer.status_code == 403
        elif sku in OWN[who]:
            assert answer.json()["data"][0]["status"] == "ok"
        else:
            assert answer.json()["data"] == [{"sku": sku, "quantity": 1, "status": "not_found"}]


@pytest.mark.parametrize("who", OWN)
def test_hidden_is_unknown_byte_for_byte(people, who):
    client = client_of(getattr(people, who))

    def bytes_of(path: str):
        answer = client.get(path, headers={"X-Request-Id": "the-same-id"})
        headers = {n: v for n, v in answer.headers.items() if n != "RateLimit"}
        return answer.status_code, answer.content, headers

    unknown = bytes_of("/v1/products/NOPE")
    assert unknown[0] == (403 if who == "dave" else 404)
    for sku in NAMED["sku"]:
        if sku not in OWN[who]:
            assert bytes_of(f"/v1/products/{quote(sku)}") == unknown


@pytest.mark.parametrize("who", ["bob", "carol"])
def test_a_filter_by_a_hidden_name_is_one_by_an_unknown_name(people, who):
    client = client_of(getattr(people, who))

    def told(path: str, **query):
        answer = client.get(f"{path}?{urlencode(query)}")
        body = answer.json()
        assert body.pop("as_of")
        return answer.status_code, body

    for path in LISTS:
        for name, values in NAMED.items():
            unknown = told(path, **{name: "nope"})
            for value in values:
                if value in foreign_words(who):
                    assert told(path, **{name: value}) == unknown


def test_no_cursor_of_another_customer_opens_anything(people):
    alice, bob = client_of(people.alice), client_of(people.bob)
    cursors = {
        "/v1/products": ("cursor", alice.get("/v1/products?limit=1").json()["next_cursor"]),
        "/v1/stock": ("cursor", alice.get("/v1/stock?limit=1").json()["next_cursor"]),
        "/v1/changes": ("since", alice.get("/v1/changes?limit=1").json()["next_cursor"]),
    }
    for path, (name, cursor) in cursors.items():
        answer = bob.get(path, {name: cursor})
        assert (answer.status_code, answer.json()["parameter"]) == (400, name)
        assert_leaks_nothing("bob", answer)


def test_a_removal_is_told_to_nobody_who_never_saw_it(people):
    bob, carol = client_of(people.bob), client_of(people.carol)
    cursors = [c.get("/v1/changes").json()["delta_cursor"] for c in (bob, carol)]
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-02", is_published=False)))
    mirrored(people.source, a_product("p2", a_variant("3", sku="PEN-02"), code="PEN"))
    for client, cursor in zip((bob, carol), cursors, strict=True):
        assert client.get("/v1/changes", {"since": cursor}).json()["data"] == []


# -- the gate forgotten ------------------------------------------------------------------------


@pytest.fixture
def ungated(monkeypatch):
    """Every statement of the contract without its gate."""
    for module, name in (
        (items, "_BY_IDS"),
        (lists, "_ONE"),
        (delta, "_VISIBLE_AFTER"),
        (delta, "_CARRIED"),
        (delta, "_COUNTED"),
        (delta, "_NAMED"),
        (delta, "_VISIBLE"),
        (pricing, "_BY_SKU"),
        (catalogue, "_BRANDS"),
        (catalogue, "_CATEGORIES"),
    ):
        assert GATE in getattr(module, name)
        monkeypatch.setattr(module, name, getattr(module, name).replace(GATE, "true"))
    lists._page_sql.cache_clear()
    monkeypatch.setattr(lists, "GATE", "true")
    yield
    lists._page_sql.cache_clear()


def test_no_other_statement_of_the_contract_reads_variants_by_a_gate():
    """So that `ungated` takes away all there are."""
    gated = {
        (module.__name__, name)
        for module in (items, lists, delta, pricing, catalogue)
        for name, value in vars(module).items()
        if isinstance(value, str) and GATE in value
    }
    assert gated == {
        ("contract.items", "_BY_IDS"),
        ("contract.items", "GATE"),
        ("contract.lists", "_ONE"),
        ("contract.lists", "GATE"),
        ("contract.delta", "_VISIBLE_AFTER"),
        ("contract.delta", "_CARRIED"),
        ("contract.delta", "_COUNTED"),
        ("contract.delta", "_NAMED"),
        ("contract.delta", "_VISIBLE"),
        ("contract.delta", "GATE"),
        ("contract.pricing", "_BY_SKU"),
        ("contract.pricing", "GATE"),
        ("contract.catalogue", "_BRANDS"),
        ("contract.catalogue", "_CATEGORIES"),
        ("contract.catalogue", "GATE"),
    }


@pytest.mark.parametrize("who", ["alice", "bob", "carol"])
def test_without_the_gate_row_level_security_still_gives_no_foreign_row(people, ungated, who):
    client = client_of(getattr(people, who))
    assert Variant.objects.count() == 6
    for path in (*LISTS, "/v1/changes"):
        answer = client.get(path)
        assert [item["sku"] for item in answer.json()["data"]] == [s for s in SKUS if s in OWN[who]]
        assert_leaks_nothing(who, answer)
    for sku in NAMED["sku"]:
        status = client.get(f"/v1/products/{sku}").status_code
        assert status == (200 if sku in OWN[who] else 404)
        found = client.get("/v1/stock", {"sku": sku}).json()["data"]
        assert [row["sku"] for row in found] == ([sku] if sku in OWN[who] else [])
        priced = client.get("/v1/pricing", {"sku": sku}).json()["data"][0]["status"]
        assert priced == ("ok" if sku in OWN[who] else "not_found")
    for path in NAMES:
        assert_leaks_nothing(who, client.get(path))


def test_without_the_gate_a_delta_still_tells_no_foreign_row(people, ungated):
    bob = client_of(people.bob)
    cursor = bob.get("/v1/changes").json()["delta_cursor"]
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-01", on_hand=1)))
    allow(customer=people.alice, brand=people.inkwell)
    deny(product=people.mug, customer=people.bob)
    told = bob.get("/v1/changes", {"since": cursor}).json()["data"]
    assert [(e["op"], e["sku"]) for e in told] == [
        ("remove", "MUG-11-BLK"),
        ("remove", "MUG-11-WHT"),
    ]


def test_what_webhooks_read_without_the_gate_is_nothing_foreign(people, ungated):
    with snapshot_of(people.bob) as snapshot:
        assert delta.count_visible(snapshot) == len(OWN["bob"])
        start = delta.start_cursor(snapshot.epoch)
        assert delta.count_candidates(snapshot, start) == len(OWN["bob"])
        entries = [
            orjson.loads(e) for e in delta.present_entries(snapshot, ["PEN-01", "MUG-11-BLK"])
        ]
    assert [(each["op"], each["sku"]) for each in entries] == [
        ("remove", "PEN-01"),
        ("upsert", "MUG-11-BLK"),
    ]


# -- as the api role itself --------------------------------------------------------------------

GRANTED = {
    "catalog_mirror_brand",
    "catalog_mirror_category",
    "catalog_mirror_source",
    "catalog_mirror_stocklevel",
    "catalog_mirror_variant",
    "catalog_mirror_variantdocument",
    "catalog_mirror_varianthistory",
    "customers_customer",
    "customers_customerterms",
    "customers_tier",
    "customers_visibilityrule",
    "pricing_pricerule",
    "pricing_orderrule",
    "pricing_orderminimum",
    "outbound_hooks_endpoint",
    "outbound_hooks_delivery",
    "outbound_hooks_attempt",
}
# Numbers and instants alone, no row of anyone's.
OPEN = {"catalog_mirror_epoch", "catalog_mirror_pruning", "catalog_mirror_revision"}


def rows(sql: str, *params) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def test_the_api_role_may_read_these_tables_and_write_none(people):
    api = role_name(connection, "api")
    tables = [t for (t,) in rows("select tablename from pg_tables where schemaname = 'public'")]
    assert len(tables) > 40
    readable = {
        t for t in tables if rows("select has_any_column_privilege(%s, %s, 'select')", api, t)[0][0]
    }
    assert readable == GRANTED | OPEN
    for table in tables:
        for right in ("insert", "update", "delete", "truncate", "references", "trigger"):
            assert not rows("select has_table_privilege(%s, %s, %s)", api, table, right)[0][0]
    sequences = rows("select sequencename from pg_sequences where schemaname = 'public'")
    assert not [
        s
        for (s,) in sequences
        if rows("select has_sequence_privilege(%s, %s, 'usage')", api, s)[0][0]
    ]


def test_the_api_role_may_call_these_functions(people):
    api = role_name(connection, "api")
    callable_by_api = rows(
        "select proname, prosecdef from pg_proc where pronamespace = 'public'::regnamespace "
        "and has_function_privilege(%s, oid, 'execute') order by 1",
        api,
    )
    assert callable_by_api == [
        ("catalog_mirror_candidates", True),
        ("catalog_mirror_position", False),
        ("catalog_mirror_seen", False),
        ("catalog_mirror_subject_ids", True),
        ("customers_entitlement", True),
        ("customers_states_since", True),
    ]


def held(snapshot, table: str, column: str) -> set:
    return {value for (value,) in snapshot.rows(f"select {column} from {table}", {})}


@pytest.mark.parametrize("who", ["alice", "bob", "carol"])
def test_the_api_role_reads_only_its_customer_s_rows(people, who):
    customer = getattr(people, who)
    own_variants = set(Variant.objects.filter(sku__in=OWN[who]).values_list("pk", flat=True))
    tiers = {None, people.gold.pk} if who == "alice" else {None}
    mirrored(people.source, a_product("p3", a_variant("4", sku="CAP-01", list_price=Decimal(1))))
    with snapshot_of(customer) as snapshot:
        assert held(snapshot, "catalog_mirror_variant", "sku") == OWN[who]
        assert held(snapshot, "catalog_mirror_variantdocument", "variant_id") == own_variants
        for table in ("catalog_mirror_stocklevel", "catalog_mirror_varianthistory"):
            assert held(snapshot, table, "variant_id") <= own_variants
        assert held(snapshot, "customers_customer", "id") == {customer.pk}
        assert held(snapshot, "customers_customerterms", "customer_id") == {customer.pk}
        for kind in ("brand", "category", "source"):
            seen = held(snapshot, f"catalog_mirror_{kind}", "slug")
            assert seen == OWN_WORDS[who] & set(NAMED[kind])
        assert held(snapshot, "customers_tier", "id") == tiers - {None}
        for table in ("customers_visibilityrule", "pricing_pricerule"):
            assert held(snapshot, table, "customer_id") <= {None, customer.pk}
            assert held(snapshot, table, "tier_id") <= tiers


def test_the_api_role_reads_only_its_own_webhooks_and_no_secret(people, settings):
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    for customer in (people.alice, people.bob):
        endpoint, _ = endpoints.add(customer.pk, url="http://127.0.0.1:9/", actor="ann")
        message = Message("ping", "{}")
        deliveries.put(endpoint.pk, customer.pk, [message], revision=1, correlation="cause-01")
    deliveries.claim(most=2, each=1)
    with snapshot_of(people.bob) as snapshot:
        for table in ("endpoint", "delivery", "attempt"):
            seen = held(snapshot, f"outbound_hooks_{table}", "customer_id")
            assert seen == {people.bob.pk}
    for column in ("secret", "previous_secret", "cursor", "seen_revision"):
        with (
            snapshot_of(people.bob),
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.connection.execute(f"select {column} from outbound_hooks_endpoint")


def test_the_api_role_is_refused_every_other_table(people):
    tables = {t for (t,) in rows("select tablename from pg_tables where schemaname = 'public'")}
    for table in sorted(tables - GRANTED - OPEN):
        with (
            snapshot_of(people.bob),
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.connection.execute(f"select * from {table}")
    for column in ("origin", "correlation_id"):
        with (
            snapshot_of(people.bob),
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.connection.execute(f"select {column} from catalog_mirror_revision")


def test_the_snapshot_writes_nothing(people):
    with snapshot_of(people.bob), pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.connection.execute("create table mine (id int)")


@contextmanager
def nobody():
    """A transaction of the api role in which no customer was set."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select set_config('role', %s, true)", [role_name(connection, "api")])
        yield cursor


def test_with_no_customer_set_there_is_nothing_at_all(people):
    with nobody() as cursor:
        for table in sorted(GRANTED):
            cursor.execute(f"select count(*) from {table}")
            assert cursor.fetchone() == (0,), table
        cursor.execute("select status, tiers, subjects from customers_entitlement(now())")
        assert cursor.fetchall() == [(None, [], "{}")]
        cursor.execute(
            "select count(*) from customers_states_since(array(select generate_series(1, 100000)), 0)"
        )
        assert cursor.fetchone() == (0,)


def test_the_definer_functions_tell_nothing_of_others(people):
    with connection.cursor() as cursor:
        cursor.execute("select array_agg(id) from catalog_mirror_variant")
        every = cursor.fetchone()[0]
    with snapshot_of(people.bob) as snapshot:
        states = snapshot.rows("select sku from customers_states_since(%(ids)s, 0)", {"ids": every})
        # The unpublished mug lies under his brand, and may be in the past of what he saw.
        assert {sku for (sku,) in states} == OWN["bob"] | {UNPUBLISHED}
        ids = snapshot.rows(
            "select * from catalog_mirror_candidates(0, 0, 100, '{}', '{}', '{}', '{}', '{}')", {}
        )
        assert {type(pk) for (pk,) in ids} == {int}
        named = snapshot.rows("select catalog_mirror_subject_ids('brand', 'hush-brand')", {})
        assert {type(pk) for (pks,) in named for pk in pks} == {int}
        status, tiers = snapshot.rows("select status, tiers from customers_entitlement(now())", {})[
            0
        ]
        assert (status, tiers) == ("active", [])
    with snapshot_of(people.carol) as snapshot:
        assert snapshot.rows("select * from customers_states_since(%(i)s, 0)", {"i": every}) == []


@pytest.mark.parametrize(
    "unsafe",
    [
        "alter role {api} bypassrls",
        "alter role {api} superuser",
        "alter table catalog_mirror_variant owner to {api}",
        "grant {owner} to {api}",
        "alter table pricing_pricerule no force row level security",
        "alter table catalog_mirror_variant disable row level security",
        "grant {app} to {api}",
        "alter table catalog_mirror_variant no force row level security, disable row level security",
        "grant select on groundwork_auditentry to {api}",
    ],
)
def test_an_api_role_that_could_see_past_the_policies_is_refused(database, unsafe):
    names = {role: f'"{role_name(connection, role)}"' for role in ("api", "app", "owner")}
    refuse_unsafe_api_role(connection)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("reset role")
            cursor.execute(unsafe.format(**names))
        with pytest.raises(ImproperlyConfigured, match="can see past the row policies"):
            refuse_unsafe_api_role(connection)
        transaction.set_rollback(True)
    connection.close()
    refuse_unsafe_api_role(connection)


def test_a_missing_api_role_is_named(database, monkeypatch):
    connection.ensure_connection()
    monkeypatch.setitem(connection.settings_dict, "NAME", "elsewhere")
    with pytest.raises(ImproperlyConfigured, match="elsewhere_api is missing"):
        refuse_unsafe_api_role(connection)


def test_a_process_that_works_as_the_owner_by_mistake_sees_nothing(people):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("reset role")
        cursor.execute("select set_config('role', %s, true)", [role_name(connection, "owner")])
        for table in sorted(GRANTED):
            cursor.execute(f"select count(*) from {table}")
            assert cursor.fetchone() == (0,), table


# -- gate, policy and the naive model ----------------------------------------------------------

MINUTES = [None, -10, 10]
windows = st.tuples(st.sampled_from(MINUTES), st.sampled_from(MINUTES)).filter(
    lambda w: None in w or w[0] < w[1]
)
whos = st.integers(0, 5)
whats = st.integers(0, 40)
visibility = st.tuples(whos, whats, windows, st.sampled_from(["allow", "allow", "deny"]))
prices = st.tuples(
    whos,
    whats,
    windows,
    st.sampled_from(["USD", "USD", "EUR"]),
    st.sampled_from([(kind, number) for kind in LADDERS for number in range(4)]),
    st.integers(0, 1),
)
orders = st.tuples(whos, whats, windows, st.sampled_from(ORDERS), st.integers(0, 1))


class Rulers:
    """A catalogue that stands still, and rules that are all replaced for every example."""

    def __init__(self) -> None:
        one, two = SourceFactory(slug="one"), SourceFactory(slug="two")
        for source in (one, two):
            categorized(source, a_category("a"), a_category("b", "a"), a_category("c"))
        homes = [("b",), ("a", "c"), ("c",), ()]
        brands = [NORTHCUP, INKWELL, None]
        for number in range(12):
            mirrored(
                (one, two)[number % 2],
                a_product(
                    f"p{number % 5}",
                    a_variant(
                        str(number),
                        is_published=number != 11,
                        list_price=None if number == 7 else Decimal("10.05"),
                    ),
                    brand=brands[number % 3],
                    category_external_ids=homes[number % 4],
                ),
            )
        gold, silver = TierFactory(), TierFactory()
        self.customers = {
            with_terms(CustomerFactory(), tier=gold): oracle.Terms(gold.pk, "USD", "list_price"),
            with_terms(CustomerFactory(), tier=silver, unpriced="not_sold"): oracle.Terms(
                silver.pk, "USD", "not_sold"
            ),
            with_terms(CustomerFactory(), currency="EUR"): oracle.Terms(None, "EUR", "list_price"),
        }
        self.world = oracle.World(
            variants={row.pk: self._variant(row) for row in Variant.objects.all()},
            terms={customer.pk: terms for customer, terms in self.customers.items()},
        )
        self.whos = [("everyone", 0), ("tier", gold.pk), ("tier", silver.pk)]
        self.whos += [("customer", customer.pk) for customer in self.customers]
        self.whats = [("all", 0)]
        for kind, model in (
            ("source", Source),
            ("brand", Brand),
            ("category", Category),
            ("product", Product),
            ("variant", Variant),
        ):
            self.whats += [
                (kind, pk) for pk in model.objects.order_by("pk").values_list("pk", flat=True)
            ]

    @staticmethod
    def _variant(row: Variant) -> oracle.Variant:
        return oracle.Variant(
            sku=row.sku,
            published=row.is_published,
            source=row.source_id,
            brand=row.brand_id or 0,
            product=row.product_id,
            categories=dict(zip(row.category_ids, row.category_depths, strict=True)),
            price=row.list_price,
            currency=row.currency,
            stock=5,
            name=f"Thing {row.external_id}",
        )

    def rule_over(self, drawn_visibility, drawn_prices, drawn_orders) -> None:
        as_login(
            "set session_replication_role = replica; delete from customers_visibilityrule;"
            "delete from pricing_pricerule; delete from pricing_orderrule;"
            "set session_replication_role = origin"
        )
        self.world.visibility, self.world.prices, self.world.orders = {}, {}, {}
        self.at = now()
        with revisions.writing("test", touches_rules=True) as revision:
            self.number = revision.number
            for *key, effect in drawn_visibility:
                says = {"effect": effect}
                self._add(self.world.visibility, VisibilityRule, key, says, says)
            for *key, currency, (kind, number), priority in drawn_prices:
                exempt = ("category", "general")[number % 2] if kind == "exempt" else ""
                says = {
                    "kind": kind,
                    "ladder": LADDERS[kind][number % len(LADDERS[kind])],
                    "currency": "" if exempt else currency,
                    "priority": priority,
                    "exempt_from": exempt,
                }
                if kind != "contract" or self.whos[key[0] % len(self.whos)][0] == "customer":
                    self._add(self.world.prices, PriceRule, key, says, price_columns(says))
            for *key, order, priority in drawn_orders:
                quantities = zip(
                    ("minimum_quantity", "step", "maximum_quantity"), order, strict=True
                )
                says = {"order": order, "priority": priority}
                columns = {**dict(quantities), "priority": priority}
                self._add(self.world.orders, OrderRule, key, says, columns)

    def _add(self, rules, model, key, says, columns) -> None:
        """Add a rule, unless one stands that the database would not tell from it."""
        who, what, window = key
        row = model(
            from_revision=self.number, **columns, **self._columns(who, what, window, self.at)
        )
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            return
        self._note(rules, row, who, what, says)

    def _chosen(self, who: int, what: int) -> tuple[tuple[str, int], tuple[str, int]]:
        return self.whos[who % len(self.whos)], self.whats[what % len(self.whats)]

    def _columns(self, who, what, window, at):
        edges = [None if m is None else at + timedelta(minutes=m) for m in window]
        subjects = {f"{kind}_id": pk for kind, pk in self._chosen(who, what) if pk}
        return {"starts_at": edges[0], "ends_at": edges[1], **subjects}

    def _note(self, rules, row, who, what, says) -> None:
        chosen, subject = self._chosen(who, what)
        rules[row.pk] = oracle.Rule(row.pk, chosen, subject, row.starts_at, row.ends_at, says)


def test_gate_policy_and_the_naive_model_agree_on_who_sees_what_at_what_price(database):
    rulers = Rulers()

    @given(
        st.lists(visibility, max_size=6),
        st.lists(prices, max_size=6),
        st.lists(orders, max_size=3),
    )
    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    def agree(drawn_visibility, drawn_prices, drawn_orders):
        rulers.rule_over(drawn_visibility, drawn_prices, drawn_orders)
        for customer in rulers.customers:
            with snapshot_of(customer) as snapshot:
                page = product_page(snapshot, PageRequest(Filters(()), MOST_ITEMS, None))
                by_policy = held(snapshot, "catalog_mirror_variant", "sku")
            shown = {item["sku"]: oracle.told(item) for item in map(orjson.loads, page.items)}
            expected = rulers.world.view(customer.pk, snapshot.at)
            assert shown == expected
            assert by_policy == set(expected)

    agree()


def test_a_key_of_one_customer_never_serves_another(people):
    """The entitlement kept in memory is the customer's, not the connection's or the thread's."""
    clients = {who: client_of(getattr(people, who)) for who in ("alice", "bob", "carol")}
    percent_off("5", customer=people.bob)
    for _ in range(3):
        for who, client in clients.items():
            data = client.get("/v1/products").json()["data"]
            assert {item["sku"] for item in data} == OWN[who]


# -- the sandbox -------------------------------------------------------------------------------


SANDBOX_WORDS = ("SANDBOX", "sandbox")


def allowed_all_of_it(customer) -> None:
    """Let a customer see the sandbox by every rule that staff can make."""
    there = {"source": SANDBOX_SOURCE}
    goods = Variant.objects.filter(**there).order_by("pk")
    allow(customer=customer)
    allow()
    allow(customer=customer, brand=Brand.objects.get(**there))
    for category in Category.objects.filter(**there, parent=None):
        allow(customer=customer, category=category)
    for product in Product.objects.filter(**there):
        allow(customer=customer, product=product)
    allow(customer=customer, variant=goods.first())


@pytest.mark.parametrize("who", ["alice", "bob", "carol"])
def test_no_live_key_is_told_of_the_sandbox_whatever_is_allowed(people, who, monkeypatch):
    """Rules on its goods are refused; were they written all the same, they would show nothing."""
    monkeypatch.setattr(versions, "refuse_goods", lambda _: None)
    client = client_of(getattr(people, who))
    cursor = client.get("/v1/changes").json()["delta_cursor"]
    make_sandbox()
    allowed_all_of_it(getattr(people, who))
    own = {
        *SKUS
    }  # "allow all" shows what the cast has, and not the shop that is denied to everyone
    asked = [
        *((path, {}) for path in (*LISTS, *NAMES, "/v1/changes")),
        ("/v1/changes", {"since": cursor}),
        *((path, {name: value}) for path in LISTS for name, value in SANDBOX_NAMED.items()),
    ]
    for path, query in asked:
        answer = client.get(path, query)
        assert answer.status_code == 200
        assert not any(word in answer.content.decode() for word in SANDBOX_WORDS)
        if path in LISTS:
            found = {item["sku"] for item in answer.json()["data"]}
            assert found == (set() if query else own)
    sku = SANDBOX_NAMED["sku"]
    hidden, unknown = (client.get(f"/v1/products/{each}") for each in (sku, "NOPE"))
    assert (hidden.status_code, hidden.json()["detail"]) == (404, unknown.json()["detail"])
    priced = client.get("/v1/pricing", {"sku": sku}).json()["data"]
    assert priced == [{"sku": sku, "quantity": 1, "status": "not_found"}]


SANDBOX_NAMED = {
    "sku": "SANDBOX-TEE-BLA-S",
    "brand": "sandbox-goods",
    "category": "sandbox-apparel",
    "product": "SANDBOX-TEE",
    "source": "sandbox",
}


def test_a_test_key_is_told_of_nothing_else_without_the_gate(people, ungated):
    make_sandbox()
    allow()
    tester = client_of(people.alice, mode="test")
    for path in (*LISTS, "/v1/changes"):
        data = tester.get(path, {"limit": 500}).json()["data"]
        assert len(data) == 50
        assert all(each["sku"].startswith("SANDBOX-") for each in data)
    for path in (*LISTS, *NAMES, "/v1/changes"):
        said = tester.get(path).content.decode()
        assert not any(word in said for word in (*SKUS, "MUG-11", "northcup", "inkwell", "Hush"))


def test_no_live_key_is_told_of_the_sandbox_without_the_gate(people, ungated):
    make_sandbox()
    alice = client_of(people.alice)
    for path in (*LISTS, *NAMES, "/v1/changes"):
        answer = alice.get(path).content.decode()
        assert not any(word in answer for word in SANDBOX_WORDS)


def test_the_api_role_reads_as_the_sandbox_only_what_is_its_own(people):
    make_sandbox()
    for says in ({}, {"tier": people.gold}, {"customer": people.alice}):
        allow(**says, brand=people.northcup)
        percent_off("12", **says, brand=people.northcup)
        versions.add(OrderRule, actor="test", step=3, minimum_quantity=3, **says)
        versions.add(OrderMinimum, actor="test", minimum_quantity=3, **says)
    ids = list(Variant.objects.values_list("pk", flat=True))
    with snapshot_for(SANDBOX) as snapshot:
        for table in ("customers_visibilityrule", "pricing_pricerule"):
            assert held(snapshot, table, "customer_id") == {SANDBOX}
        for table in ("pricing_orderrule", "pricing_orderminimum", "customers_customerterms"):
            assert held(snapshot, table, "customer_id") == {SANDBOX}
        assert held(snapshot, "customers_customer", "id") == {SANDBOX}
        assert held(snapshot, "catalog_mirror_source", "id") == {SANDBOX_SOURCE}
        assert len(held(snapshot, "catalog_mirror_variant", "id")) == 50
        states = snapshot.rows("select sku from customers_states_since(%(ids)s, 0)", {"ids": ids})
        assert len(states) == 50
        assert all(sku.startswith("SANDBOX-") for (sku,) in states)
        assert held(snapshot, "customers_tier", "id") == set()
