"""Which cases are measured, and their tables."""

from apikeys.models import ApiKey
from benchmarks import (
    admission,
    applying,
    hooks,
    kinds,
    outbound,
    overhead,
    polling,
    portal,
    pricing,
    rehearsal,
    requestlog,
    requests_cpu,
    sandbox,
    sweeps,
    world,
)
from benchmarks.requests_cpu import Case
from catalog_mirror.models import Variant
from contract.cursors import sealed
from contract.parameters import Filters


def requests() -> str:
    """Return the table of what a request costs."""
    keys = world.build()
    middle = _middle_cursors(keys)
    sku = polling.seen_by_all()

    def first_page(_key: str) -> str:
        return "/v1/products?limit=100"

    def middle_page(key: str) -> str:
        return f"/v1/products?limit=100&cursor={middle[key]}"

    def one(_key: str) -> str:
        return f"/v1/products/{sku}"

    after = _middle()
    results = requests_cpu.measure(
        [
            Case("first page of 100", first_page, "/page", 0.4),
            Case("middle page of 100", middle_page, f"/page?after={after}", 0.4),
            Case("one SKU", one, f"/{sku}", 0.3),
            Case("first page, document left as stored", first_page, "/spliced/page", None),
            Case("one SKU, document left as stored", one, f"/spliced/{sku}", None),
        ],
        keys,
    )
    head = "| case | ours, ms CPU | bare, ms CPU | ratio | wanted | p50 ms | p99 ms |"
    rows = [
        f"| {r.name} | {r.ours:.2f} | {r.bare:.2f} | {r.ratio:.2f} | {r.at_least or ''} "
        f"| {r.p50:.1f} | {r.p99:.1f} |"
        for r in results
    ]
    return "\n".join([head, "|---|---|---|---|---|---|---|", *rows])


def polling_costs() -> str:
    """Return the tables of what polls and whole views cost."""
    small, large = polling.measure()
    head = "| case | ours, ms CPU | bare, ms CPU | ratio | wanted | p50 ms | p99 ms |"
    tables = []
    for variants, results in ((world.VARIANTS, small), (polling.MANY, large)):
        rows = [
            f"| {r.name} | {r.ours:.2f} | {r.bare:.2f} | {r.ratio:.2f} | {r.at_least or ''} "
            f"| {r.p50:.1f} | {r.p99:.1f} |"
            for r in results
        ]
        tables += [f"{variants:,} variants:", "", head, "|---|---|---|---|---|---|---|", *rows, ""]
    return "\n".join(tables)


def sandbox_costs() -> str:
    """Return the table of what the sandbox costs everybody else."""
    results, tick = sandbox.measure()
    head = "| read | without, ms CPU | with, ms CPU | with : without |"
    rows = [f"| {r.name} | {r.without:.2f} | {r.with_it:.2f} | {r.ratio:.2f} |" for r in results]
    table = "\n".join([head, "|---|---|---|---|", *rows])
    return f"{table}\n\nA minute's look that finds nothing to mend: {tick:.0f} ms."


def prices() -> str:
    """Return the tables of what prices cost."""
    return _prices(world.build())


def prices_at_scale() -> str:
    """Return the same with 1,000,000 variants and 5,000 customers; it takes about half an hour."""
    return _prices(world.build(variants=1_000_000, customers=5_000))


def _prices(keys: list[str]) -> str:
    pricing.with_sku_rules()
    head = "| what | ms CPU | beside | ratio | wanted at most |"
    rows = [
        f"| {c.name} | {c.milliseconds:.2f} | {c.of} | {c.ratio:.2f} | {c.at_most or ''} |"
        for c in pricing.costs(keys)
    ]
    new, changed = pricing.file_seconds()
    file = (
        f"A file of {pricing.FILE_LINES} new prices: {new:.1f} s; of changed ones: {changed:.1f} s."
    )
    return "\n".join([head, "|---|---|---|---|---|", *rows, "", file])


def sweep_costs() -> str:
    """Return the table of what sweeps cost."""
    head = "| sweep of both shops | own CPU s | wall s | MB | it says |"
    rows = [
        f"| {s.name} | {s.cpu:.1f} | {s.wall:.1f} | {s.megabytes:.0f} | {s.says} |"
        for s in sweeps.measure()
    ]
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def kind_costs() -> str:
    """Return the table of what sweeps cost by kind of source."""
    head = f"| sweep of {kinds.THINGS:,} goods | own CPU s | wall s | MB | it says |"
    rows = [
        f"| {s.name} | {s.cpu:.1f} | {s.wall:.1f} | {s.megabytes:.0f} | {s.says} |"
        for s in kinds.measure()
    ]
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def webhooks() -> str:
    """Return the tables of what webhooks cost, and how soon they are seen."""
    backlogs, seen = hooks.measure()
    head = "| backlog | events | products | requests | least possible | ratio | wanted | s |"
    rows = [
        f"| {b.name} | {b.events:,} | {b.products:,} | {b.requests} | {b.least} | "
        f"{b.requests / b.least:.2f} | {b.wanted or ''} | {b.seconds:.1f} |"
        for b in backlogs
    ]
    stream = "| from webhook to `/v1/changes` | events | a second | p50 ms | p99 ms | most ms |"
    figures = f"{seen.events:,} | {seen.per_second:.0f} | {seen.p50:.0f} | {seen.p99:.0f}"
    row = f"| p99 under 1,000 wanted | {figures} | {seen.most:.0f} |"
    rule = "|---|---|---|---|---|---|"
    return "\n".join([head, f"{rule}---|---|", *rows, "", stream, rule, row])


def deliveries() -> str:
    """Return the table of what webhooks to partners cost."""
    rate, soon, rule, edit = outbound.measure()
    times = rate.ours / rate.bare  # beside a bare loop with as many senders
    rows = [
        f"| messages a second | {rate.ours:.0f} | {rate.bare:.0f} | {times:.2f} | at least 0.5 |",
        f"| ms from commit to first byte, p50 ({soon.samples} of 200 endpoints) | {soon.p50:.0f} | | | |",
        f"| ms likewise, p99 | {soon.p99:.0f} | | | under 2,000 |",
        f"| ms likewise, most | {soon.most:.0f} | | | |",
        f"| s until 200 endpoints know of a rule on 20,000 SKUs | {rule:.1f} | | | under 60 |",
        f"| s until they know of 20,000 edits, after the last | {edit:.1f} | | | under 60 |",
    ]
    return "\n".join(["| what | ours | beside | ratio | wanted |", "|---|---|---|---|---|", *rows])


def overheads() -> str:
    """Return the table of what a sweep costs over the shop's own time."""
    head = "| sweep | requests | sweep, s | bare reader, s | over | wanted |"
    rows = [
        f"| {o.name} | {o.requests} | {o.swept:.1f} | {o.bare:.1f} | {o.swept / o.bare - 1:.1%} | 10% |"
        for o in overhead.measure()
    ]
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def applying_costs() -> str:
    """Return the table of how fast changes are applied, beside COPY."""
    head = "| changed | variants | applied, s | COPY, s | times | CPU s | COPY, CPU s | times | wanted |"
    rows = [
        f"| {a.name} | {a.variants:,} | {a.applied.wall:.2f} | {a.copied.wall:.2f} "
        f"| {a.applied.wall / a.copied.wall:.2f} | {a.applied.cpu:.2f} | {a.copied.cpu:.2f} "
        f"| {a.applied.cpu / a.copied.cpu:.2f} | 3 |"
        for a in applying.measure()
    ]
    return "\n".join([head, "|---|---|---|---|---|---|---|---|---|", *rows])


def admission_costs() -> str:
    """Return the table of what key, limit and log cost beside the log alone."""
    head = "| what | us CPU | ratio | wanted at most |"
    rows = [
        f"| {c.name} | {c.micros:.0f} | {c.ratio:.2f} | {1.6 if c.name == 'key, limit and log' else ''} |"
        for c in admission.measure()
    ]
    return "\n".join([head, "|---|---|---|---|", *rows])


def log_queries() -> str:
    """Return the table of how long staff wait for the request log."""
    waits, hour = requestlog.measure()
    head = "| staff page | page, ms | its slowest query, ms | worst page, ms |"
    rows = [f"| {w.name} | {w.page:.0f} | {w.query:.0f} | {w.worst:.0f} |" for w in waits]
    told = f"Summing up one hour of usage took {hour * 1000:.0f} ms."
    return "\n".join([head, "|---|---|---|---|", *rows, "", told])


def _middle() -> int:
    return Variant.objects.order_by("pk").values_list("pk", flat=True)[world.VARIANTS // 2]


def _middle_cursors(keys: list[str]) -> dict[str, str]:
    """Return for each key the cursor that a client half way through the list would hold."""
    owners = dict(ApiKey.objects.values_list("public_id", "customer_id"))
    middle = _middle()
    unfiltered = Filters(()).digest
    return {
        key: sealed(owners[key.split("_")[2]], "products", [middle, unfiltered]) for key in keys
    }


def staff_pages() -> str:
    """Return the table of what staff wait for."""
    pages, summing = portal.measure()
    head = "| page | median ms | worst ms | queries | sign-in beside it, ms | sign-in pages |"
    rows = [
        f"| {p.name} | {p.median:.0f} | {p.worst:.0f} | {p.queries} | {p.beside:.1f} | {p.ratio:.1f} |"
        for p in pages
    ]
    told = f"Summing up the home page's figures took {summing:.2f} s."
    return "\n".join([head, "|---|---|---|---|---|---|", *rows, "", told])


def rehearsals() -> str:
    """Return the table of a hard day."""
    rows = [
        f"| {d.name} | {d.polls:.0f} | {d.p50:.1f} | {d.p99:.0f} | {d.errors} | {d.limited} | {d.entries} "
        f"| {d.blind} | {d.lag} | {d.web:.2f} | {d.database:.2f} |"
        for d in rehearsal.measure()
    ]
    head = (
        "| case | polls a second | p50 ms | p99 ms | errors | 429 | entries told | blind to a rule "
        "| lag s, p50 / p99 | web, CPU s/s | database, CPU s/s |"
    )
    return "\n".join([head, "|---|---|---|---|---|---|---|---|---|---|---|", *rows])
