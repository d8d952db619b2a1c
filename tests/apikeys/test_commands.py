"""What an operator does with keys at the prompt."""

import csv
import io
import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from apikeys import claims, keys
from apikeys.models import ApiKey, ClaimLink
from groundwork.local import CHECKOUT
from groundwork.models import AuditEntry
from tests.apikeys.test_limit import outcomes
from tests.factories import CustomerFactory, key_of


@pytest.fixture
def alder(database):
    return CustomerFactory(slug="alder")


@pytest.fixture
def birch(database):
    return CustomerFactory(slug="birch")


def said(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def refused(*command: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as caught:
        said(*command)
    return caught.value.returncode, str(caught.value)


# -- issue, revoke, list, check ----------------------------------------------------------------


def test_a_key_is_issued_and_shown_once(alder):
    told = said(
        "issue_key", "alder", "--label=shop", "--scope=stock", "--network=203.0.113.0/24",
        "--requests-a-minute=7", "--expires-in=90",
    )  # fmt: skip
    key = told.splitlines()[0]
    row = ApiKey.objects.get()
    assert keys.parsed(key).public_id == row.public_id
    assert (row.customer, row.label, row.scopes, row.requests_a_minute) == (
        alder,
        "shop",
        ["stock"],
        7,
    )
    assert row.allowed_networks == ["203.0.113.0/24"]
    assert timedelta(days=89) < row.expires_at - row.created_at < timedelta(days=91)
    assert AuditEntry.objects.get(action="apikey.issued").actor.endswith("at the prompt")


def test_a_claim_link_is_printed_in_place_of_a_key(alder, settings):
    settings.PUBLIC_URL = "https://trade.example"
    told = json.loads(said("issue_key", "alder", "--claim-link", "--json"))
    assert told["claim_link"].startswith("https://trade.example/claim/tc_claim_")
    assert (ApiKey.objects.count(), ClaimLink.objects.count()) == (0, 1)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("nobody",), "There is no customer nobody."),
        (("alder", "--network=nowhere"), "nowhere is no network."),
        (("alder", "--requests-a-minute=0"), "A limit is between 1 and 6000 requests."),
        (("alder", "--expires-in=0"), "--expires-in is between 1 and 3650 days."),
    ],
)
def test_what_no_key_may_say_is_refused_with_a_reason(alder, options, why):
    code, message = refused("issue_key", *options)
    assert code == 2
    assert why in message
    assert (ApiKey.objects.count(), AuditEntry.objects.count()) == (0, 0)


def test_a_key_is_revoked_with_a_reason(alder):
    key = key_of(alder)
    assert (
        said("revoke_key", f"tc_live_{key[8:20]}", "--reason=leaked")
        == f"{key[8:20]} is revoked.\n"
    )
    assert ApiKey.objects.get().revoked_reason == "leaked"
    assert outcomes(key, 1) == ["refused"]
    assert "its first reason stays" in said("revoke_key", key[8:20], "--reason=again")
    assert ApiKey.objects.get().revoked_reason == "leaked"


def test_a_whole_key_or_no_reason_or_no_such_key_revokes_nothing(alder):
    key = key_of(alder)
    assert "by its id alone" in refused("revoke_key", key, "--reason=leaked")[1]
    assert "1 to 200" in refused("revoke_key", key[8:20], "--reason= ")[1]
    assert refused("revoke_key", "nobody", "--reason=leaked") == (2, "There is no key nobody.")
    assert ApiKey.objects.get().revoked_at is None


def test_keys_are_listed_with_their_last_use_and_ended_ones_on_demand(alder, birch):
    used, revoked, _ = key_of(alder, label="shop"), key_of(alder), key_of(birch)
    outcomes(used, 1)
    keys.revoke(revoked[8:20], actor="ann", reason="leaked")
    listed = json.loads(said("list_keys", "--json"))
    assert [(k["customer"], k["label"], k["last_used_at"] is None) for k in listed] == [
        ("alder", "shop", False), ("birch", "", True),
    ]  # fmt: skip
    assert len(json.loads(said("list_keys", "--ended", "--customer=alder", "--json"))) == 2
    assert said("list_keys", "--customer=birch").splitlines()[0].split() == [
        "key", "customer", "label", "created_at", "expires_at", "last_used_at", "revoked_at",
    ]  # fmt: skip
    assert refused("list_keys", "--customer=nobody")[0] == 2


def test_a_key_is_checked_offline_whether_it_exists_or_not(alder):
    there = key_of(alder)
    body = f"tc_test_{'0' * 12}_{'s' * 32}"
    absent = body + keys._checksum(body)
    nowhere = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": "postgres://x@127.0.0.1:1/x",
        "LOCAL": "true",
    }
    for given, mode in ((there, "live"), (absent, "test")):
        told = subprocess.run(
            [sys.executable, "manage.py", "check_key"],
            input=given, text=True, capture_output=True, cwd=CHECKOUT, check=False, timeout=60,
            env=nowhere | dict.fromkeys(("SECRET_KEY", "CURSOR_KEYS", "SEALING_KEYS"), "A" * 43 + "="),
        )  # fmt: skip
        wanted = f"Well formed: a {mode} key with the id {given[8:20]}.\n"
        assert (told.returncode, told.stdout, told.stderr) == (0, wanted, "")
    assert refused("check_key", there[:-1]) == (
        1, "No well-formed key: its form or its checksum is wrong.",
    )  # fmt: skip


# -- rotate_keys -------------------------------------------------------------------------------


def aged(key: str, days: int) -> str:
    ApiKey.objects.filter(public_id=key[8:20]).update(
        created_at=ApiKey.objects.get(public_id=key[8:20]).created_at - timedelta(days=days)
    )
    return key


def lines_of(path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_old_keys_are_rotated_into_a_file_of_the_operator_s_own(alder, birch, tmp_path):
    old, young = aged(key_of(alder, label="shop"), 331), aged(key_of(birch), 329)
    path = tmp_path / "new.csv"
    told = said("rotate_keys", "--older-than=330d", f"--output={path}")
    assert "1 of 1 keys were rotated." in told
    assert path.stat().st_mode & 0o777 == 0o600
    (line,) = lines_of(path)
    assert (line["customer"], line["label"], line["replaces"]) == (
        "alder",
        "shop",
        f"tc_live_{old[8:20]}",
    )
    assert outcomes(line["key"], 1) == outcomes(old, 1) == ["admitted"]
    assert line["key"] not in told
    assert ApiKey.objects.get(public_id=young[8:20]).expires_at is None
    assert ApiKey.objects.count() == 3


def test_running_it_twice_rotates_once(alder, birch, tmp_path):
    key_of(alder), key_of(birch)
    said("rotate_keys", "--all", f"--output={tmp_path / 'one'}")
    told = json.loads(said("rotate_keys", "--all", f"--output={tmp_path / 'two'}", "--json"))
    assert [each["outcome"] for each in told["keys"]] == [
        "rotated already", "new: its predecessor still works",
    ] * 2  # fmt: skip
    assert told["rotated"] == 0
    assert not (tmp_path / "two").exists()
    assert ApiKey.objects.count() == 4


def outcomes_of(*options: str) -> list[str]:
    return [each["outcome"] for each in json.loads(said("rotate_keys", "--json", *options))["keys"]]


def test_a_second_run_ends_no_key_that_the_first_gave_out_without_an_overlap(alder, tmp_path):
    """The predecessors have ended by then: the keys just given out looked like any other."""
    for _ in range(2):
        key_of(alder)
    said("rotate_keys", "--all", "--overlap-days=0", f"--output={tmp_path / 'one'}")
    again = outcomes_of("--all", "--overlap-days=0", f"--output={tmp_path / 'two'}")
    assert again == ["rotated already: it is younger than a day"] * 2
    assert [outcomes(line["key"], 1) for line in lines_of(tmp_path / "one")] == [["admitted"]] * 2
    assert ApiKey.objects.count() == 4


def test_a_new_key_whose_predecessor_was_revoked_is_rotated_within_a_day_if_asked_alone(
    alder, tmp_path
):
    old = key_of(alder)
    said("rotate_keys", "--all", f"--output={tmp_path / 'one'}")
    keys.revoke(old[8:20], actor="ann", reason="leaked")
    assert outcomes_of("--all", "--dry-run") == ["rotated already: it is younger than a day"]
    assert outcomes_of("--all", "--dry-run", "--again") == ["would be rotated"]
    assert outcomes_of("--all", "--again", f"--output={tmp_path / 'two'}") == ["rotated"]
    (line,) = lines_of(tmp_path / "one")
    assert ApiKey.objects.get(predecessor__public_id=line["key"][8:20]).expires_at is None


def test_after_a_day_a_key_that_was_given_out_is_rotated_as_any_other(alder, tmp_path):
    key_of(alder)
    said("rotate_keys", "--all", "--overlap-days=0", f"--output={tmp_path / 'one'}")
    (line,) = lines_of(tmp_path / "one")
    aged(line["key"], 2)
    assert outcomes_of("--all", "--dry-run") == ["would be rotated"]


def test_one_key_that_cannot_be_rotated_stops_no_other(alder, birch, tmp_path):
    bad, good = key_of(alder), key_of(birch)
    ApiKey.objects.filter(public_id=bad[8:20]).update(scopes=["orders"])
    told = outcomes_of("--all", f"--output={tmp_path / 'new'}")
    assert told == [
        "failed: There is no scope orders. Known: catalogue, stock, pricing, webhooks.",
        "rotated",
    ]
    assert [line["replaces"] for line in lines_of(tmp_path / "new")] == [f"tc_live_{good[8:20]}"]
    assert ApiKey.objects.get(public_id=bad[8:20]).expires_at is None


def test_a_run_that_was_ended_goes_on_with_what_is_left(alder, birch, tmp_path, monkeypatch):
    key_of(alder), key_of(birch)
    real, calls = keys.rotate, []

    def killed(*args, **says):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **says)

    monkeypatch.setattr(keys, "rotate", killed)
    with pytest.raises(KeyboardInterrupt):
        said("rotate_keys", "--all", f"--output={tmp_path / 'one'}")
    assert [line["customer"] for line in lines_of(tmp_path / "one")] == ["alder"]
    said("rotate_keys", "--all", f"--output={tmp_path / 'two'}")
    assert [line["customer"] for line in lines_of(tmp_path / "two")] == ["birch"]
    assert ApiKey.objects.count() == 4


def test_a_file_that_is_there_is_never_written_over(alder, tmp_path):
    key_of(alder)
    path = tmp_path / "keys"
    path.write_text("the only copy")
    code, message = refused("rotate_keys", "--all", f"--output={path}")
    assert (code, "is there already" in message) == (1, True)
    assert path.read_text() == "the only copy"
    assert ApiKey.objects.count() == 1


def test_a_dry_run_tells_and_changes_nothing(alder, birch):
    key_of(alder), key_of(birch)
    told = said("rotate_keys", "--customer=alder", "--dry-run")
    assert "would be rotated" in told
    assert "1 of 1 keys would be rotated (a dry run)." in told
    assert ApiKey.objects.filter(expires_at=None).count() == 2


def test_partners_make_their_own_by_links(alder, birch, client):
    old = key_of(alder)
    key_of(birch)
    told = json.loads(
        said("rotate_keys", "--customer=alder", "--claim-links", "--overlap-days=5", "--json")
    )
    (each,) = told["keys"]
    assert (each["outcome"], each["key"]) == ("offered", f"tc_live_{old[8:20]}")
    assert ApiKey.objects.get(customer=alder).expires_at is None
    again = json.loads(said("rotate_keys", "--customer=alder", "--claim-links", "--json"))
    assert [each["outcome"] for each in again["keys"]] == ["a link is open"]
    assert client.post(each["link"].partition("8000")[2]).status_code == 200
    assert ApiKey.objects.filter(customer=alder).count() == 2


@pytest.mark.parametrize("as_json", [False, True])
def test_a_run_that_breaks_off_has_shown_each_link_that_it_made(
    alder, birch, client, monkeypatch, as_json
):
    old = key_of(alder)
    key_of(birch)
    real, calls, out, err = claims.offer_successor, [], io.StringIO(), io.StringIO()

    def killed(*args, **says):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **says)

    monkeypatch.setattr(claims, "offer_successor", killed)
    options = ["--all", "--claim-links", *(["--json"] if as_json else [])]
    with pytest.raises(KeyboardInterrupt):
        call_command("rotate_keys", *options, stdout=out, stderr=err)
    (line,) = (err if as_json else out).getvalue().splitlines()
    assert line.startswith(f"tc_live_{old[8:20]}: http")
    assert client.post(f"/claim/{line.rpartition('/')[2]}").status_code == 200


def test_links_go_to_the_file_where_one_is_named(alder, tmp_path):
    key_of(alder)
    told = said("rotate_keys", "--all", "--claim-links", f"--output={tmp_path / 'links'}")
    (line,) = lines_of(tmp_path / "links")
    assert "/claim/tc_claim_" in line["key"]
    assert "tc_claim_" not in told


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((), "Say which keys"),
        (("--all", "--customer=alder"), "Say which keys"),
        (("--all",), "Say where the new keys go"),
        (("--all", "--dry-run", "--overlap-days=366"), "--overlap-days is between 0 and 365."),
        (("--customer=nobody", "--dry-run"), "There is no customer nobody."),
        (("--older-than=soon", "--dry-run"), "soon is no number of days such as 330d"),
    ],
)
def test_what_is_not_clear_is_refused(alder, options, why):
    key_of(alder)
    assert why in refused("rotate_keys", *options)[1]
    assert ApiKey.objects.filter(expires_at=None).count() == 1
