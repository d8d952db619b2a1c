"""`python -m tests.figures REPORT...`: writes docs/promises.md from what pytest noted of a run (JUnit XML)."""

import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

PAGE = Path(__file__).parent.parent / "docs" / "promises.md"

# Each promise, what was promised, and where it is proven: modules, or single tests of them.
PROMISES: dict[str, tuple[str, tuple[str, ...]]] = {
    "No change is missed": (
        "0 missed, 5 % of writers slow or rolled back",
        ("promises.test_no_change_is_missed",),
    ),
    "Delta = view, whatever happens": (
        "a client that applies pages from any cursor holds exactly the view",
        ("promises.test_delta_is_the_view", "promises.test_webhooks_tell_what_changes_would"),
    ),
    "Nobody sees what is not theirs": (
        "0 foreign rows, with the filter taken away too",
        ("promises.test_nobody_sees_what_is_not_theirs",),
    ),
    "Revocation is instant and final": (
        "no request that starts after the answer succeeds",
        ("promises.test_revocation_is_instant",),
    ),
    "60 a minute": (
        "at most 60 in any 60 s, Redis dead, 8 clients",
        ("promises.test_sixty_a_minute",),
    ),
    "Every request is logged": (
        "rows = requests, kill -9 included",
        ("promises.test_every_request_is_logged",),
    ),
    "An accepted event is never lost": (
        "0 lost in 500 events and 30 kills",
        (
            "promises.test_accepted_event_is_never_lost::test_nothing_is_lost",
            "promises.test_a_delivery_is_never_lost::test_nothing_is_lost",
            "operations.test_operators_path::test_killing",
        ),
    ),
    "Recovery after a worker dies": (
        "45 s at worst",
        (
            "promises.test_accepted_event_is_never_lost::test_a_killed_worker",
            "promises.test_a_delivery_is_never_lost::test_a_killed_deliverer",
        ),
    ),
    "Retries": (
        "ten attempts over 75 h 35 m or longer, Retry-After, 410, dead letter, replay",
        ("outbound_hooks.test_schedule", "outbound_hooks.test_deliveries"),
    ),
    "Signatures": (
        "accepted by the PyPI and the npm verifier, both secrets in rotation",
        ("promises.test_signatures_are_the_standard_s", "outbound_hooks.test_signing"),
    ),
    "A restore is noticed": (
        "a cursor from before is 410, never answered wrongly",
        (
            "promises.test_a_restore_is_noticed",
            "operations.test_operators_path::test_a_backup",
            "operations.test_health::test_a_restored",
        ),
    ),
    "A bad receiver harms only itself": (
        "healthy p95 at most twice its baseline with 1 of 20 hung or dripping",
        ("promises.test_a_bad_receiver_harms_only_itself",),
    ),
    "One delivery is bounded": (
        "15 s by the clock, 64 KiB",
        (
            "outbound_hooks.test_sender::test_one_delivery",
            "outbound_hooks.test_sender::test_an_endless_answer",
            "outbound_hooks.test_sender::test_a_handshake",
        ),
    ),
    "No way into the network": (
        "0 of the addresses, no redirects, the peer is the checked address",
        (
            "outbound_hooks.test_sender::test_no_way",
            "outbound_hooks.test_sender::test_one_bad_address",
            "outbound_hooks.test_sender::test_odd",
            "outbound_hooks.test_sender::test_a_name_that_resolves_otherwise",
            "outbound_hooks.test_sender::test_the_peer",
            "outbound_hooks.test_sender::test_a_redirect",
        ),
    ),
    "Mirror = CMS": (
        "after any permutation, repetition or loss of webhooks, then a sweep: identical",
        ("promises.test_mirror_is_the_cms",),
    ),
    "Inbound is fast and calm": (
        "p99 under 200 ms, never 5xx for a poison body",
        ("promises.test_inbound_is_fast_and_calm",),
    ),
    "Periodic work runs once": (
        "once a slot with two beats, at most a tick late with a crash",
        ("promises.test_periodic_work_runs_once",),
    ),
    "The API is what its document says": (
        "0 failures, all checks, two customers' keys",
        ("promises.test_the_api_is_its_document",),
    ),
}


@dataclass
class Found:
    """What a run says of one promise."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    figures: dict[str, str] = field(default_factory=dict)


def main(*reports: Path) -> None:
    """Write the page; a promise that no test of the run proved is a reason to fail.

    A run may be in parts: of a test that is in several the last report tells.
    """
    cases = {
        (case.get("classname"), case.get("name")): case
        for report in reports
        for case in ET.parse(report).getroot().iter("testcase")  # noqa: S314 - our own file
    }
    found = {name: _found(cases.values(), where) for name, (_, where) in PROMISES.items()}
    PAGE.write_text(_page(found))
    unproven = [name for name, each in found.items() if each.failed or not each.passed]
    if unproven:
        sys.exit(f"Not proven by this run: {', '.join(unproven)}.")


def _found(cases: Iterable[ET.Element], where: tuple[str, ...]) -> Found:
    found = Found()
    for case in cases:
        name = f"{case.get('classname', '').removeprefix('tests.')}::{case.get('name')}"
        if not name.startswith(where):
            continue
        found.seconds += float(case.get("time", 0))
        if case.find("failure") is not None or case.find("error") is not None:
            found.failed += 1
        elif case.find("skipped") is not None:
            found.skipped += 1
        else:
            found.passed += 1
        for noted in case.iter("property"):
            found.figures[str(noted.get("name"))] = str(noted.get("value"))
    return found


def _page(found: dict[str, Found]) -> str:
    head = (
        "# What is promised, and what the last runs showed\n\n"
        f"Written from the reports of runs on {datetime.now(UTC):%Y-%m-%d}, Python "
        f"{platform.python_version()}, {platform.system()}, two shared cores: times mean little there.\n\n"
        "| Promise | What is promised | Tests | Figures of the run |\n|---|---|---|---|\n"
    )
    return head + "".join(_row(name, each) for name, each in found.items())


def _row(name: str, each: Found) -> str:
    told, where = PROMISES[name]
    files = sorted({part.partition("::")[0] for part in where})
    links = ", ".join(f"[{f.rpartition('.')[2]}](../tests/{f.replace('.', '/')}.py)" for f in files)
    ran = f"{each.passed} passed" + "".join(
        f", {count} {what}"
        for count, what in ((each.failed, "failed"), (each.skipped, "skipped"))
        if count
    )
    figures = "; ".join(f"{what}: {value}" for what, value in each.figures.items())
    ran = f"{ran} in {each.seconds:.0f} s"
    return f"| {name} | {told} | {links} | {f'{ran}. {figures}' if figures else ran} |\n"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
