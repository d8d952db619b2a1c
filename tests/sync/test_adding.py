"""What a person is told of a shop that is added, and asked for where it was not given."""

from dataclasses import replace

import pytest
from django.db import IntegrityError

from catalog_mirror.models import Source
from sync.addresses import web_address
from sync.connectors import WrongSettings
from sync.management import ways
from sync.models import Connection
from sync.woocommerce import kind
from tests.sync.conftest import keys_of, run


class Terminal:
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A person who types these answers."""
    asked = []

    def answering(*answers):
        left = iter(answers)

        def answer(text):
            asked.append(text)
            return next(left)

        monkeypatch.delenv("SOURCE_KEY", raising=False)
        monkeypatch.delenv("SOURCE_SECRET", raising=False)
        monkeypatch.setattr(ways.sys, "stdin", Terminal())
        monkeypatch.setattr("builtins.input", answer)
        monkeypatch.setattr(ways, "getpass", answer)
        return asked

    return answering


def test_a_person_is_asked_for_what_is_missing(connected, terminal):
    one = connected()
    keys = keys_of(one.shop)
    asked = terminal(one.url, keys["key"], keys["secret"])
    assert run("add_source", "other").code == 0
    assert asked == ["Address of the shop: ", "Consumer key: ", "Consumer secret (not shown): "]
    assert Connection.objects.get(source__slug="other").base_url == one.url


def test_an_empty_answer_is_wrong_usage_and_keeps_nothing(database, terminal):
    terminal("")
    said = run("add_source", "other")
    assert (said.code, said.error) == (2, "Address of the shop is missing: give --url.")
    assert Source.objects.count() == 0


def test_what_the_key_may_not_read_is_named(connected):
    one = connected()
    one.shop.faults.set("unauthorized", path="/settings/tax")
    said = run("add_source", "other", "--test-only", url=one.url, **keys_of(one.shop))
    assert "The key may not tell whether prices include tax (taken for no)." in said.out
    one.shop.faults.set("unauthorized", path="/wc/v3/webhooks")
    said = run("add_source", "other", "--test-only", url=one.url, **keys_of(one.shop))
    assert "The key may not tell its webhooks (they cannot be checked)." in said.out
    assert Source.objects.count() == 1


def test_a_whole_key_leaves_nothing_untold(connected):
    one = connected()
    said = run("add_source", "other", "--test-only", url=one.url, **keys_of(one.shop))
    assert "may not tell" not in said.out


@pytest.mark.parametrize("code", ["", "usd", "US|", "EURO"])
def test_a_currency_that_is_none_is_refused(connected, monkeypatch, code):
    one = connected()
    found = kind.look_at
    monkeypatch.setattr(kind, "look_at", lambda client: replace(found(client), currency=code))
    for only in ((), ("--test-only",)):
        said = run("add_source", "other", *only, url=one.url, **keys_of(one.shop))
        assert said.code == 1
        assert said.error.startswith(f"The shop's currency is {code!r}. Set it there")
    assert Source.objects.count() == 1


def test_a_prefix_with_a_control_character_is_refused(connected):
    one = connected()
    said = run("add_source", "other", sku_prefix="A\x1e", url=one.url, **keys_of(one.shop))
    assert (said.code, said.error) == (
        1,
        "The prefix of SKUs holds a control character. Give another.",
    )


@pytest.mark.parametrize("says", [{"currency": "US|"}, {"currency": "USD", "sku_prefix": "A\x1e"}])
def test_the_database_holds_no_such_source_either(database, says):
    with pytest.raises(IntegrityError):
        Source.objects.create(slug="odd", name="Odd", **says)


def test_the_hour_of_its_sweep_may_be_given(connected):
    one = connected(sweep_at="01:15")
    assert f"{Connection.objects.get(source=one.source).sweep_at:%H:%M}" == "01:15"


@pytest.mark.parametrize("url", ["https://:sesame@shop.example", "https://@shop.example"])
def test_an_address_with_a_key_in_it_is_refused(url):
    with pytest.raises(WrongSettings, match="without a query or a key in it"):
        web_address(url)
