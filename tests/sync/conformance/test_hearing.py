"""What every shop tells, or is asked, is followed by reading again; what nobody signed is not."""

from decimal import Decimal

from sync import polling
from sync.models import InboundEvent, Poll
from tests.sync.conformance.conftest import Set, full, held
from tests.sync.conftest import moved, picture, run
from tests.sync.hooks import SECRET, follow_all, post


def hear(shop: Set, external_id: str, secret: str = SECRET) -> list[int]:
    """Have the shop tell of a product, or ask it; return the status of what it sent."""
    sent = shop.stage.told(external_id, secret)
    if sent is None:
        polling.poll(Poll.objects.get(what="changes").pk)
        return []
    headers, body = sent
    status = post("stage", body, headers).status_code
    follow_all()
    return [status]


def test_what_is_told_of_is_read_again_and_nothing_else(shop):
    one, two, _ = full(shop)
    shop.stage.change(one, price="12.50", stock=1)
    shop.stage.change(two, price="12.50", stock=1)
    assert hear(shop, one) in ([200], [])
    assert (held()[one][1:3], held()[two][1:3]) == (
        (Decimal("12.5000"), 1),
        (Decimal("10.0000"), 5),
    )
    before = picture()
    hear(shop, one)
    assert moved(before, picture()) == {}


def test_a_new_product_appears_as_soon_as_it_is_told_of(shop):
    ids = full(shop)
    new = shop.stage.add("BRAND-NEW")
    hear(shop, new)
    assert set(held()) == {*ids, new}


def test_what_is_told_to_be_gone_is_retired_where_the_shop_says_so_itself(shop):
    one, *others = full(shop)
    sent = shop.stage.told(one, SECRET)
    if sent:
        assert post("stage", sent[1], sent[0]).status_code == 200
        follow_all()
        assert one in held()  # the shop still has it, whatever the delivery says
        shop.stage.delete(one)
        assert post("stage", sent[1], sent[0]).status_code == 200
        follow_all()
    else:
        shop.stage.delete(one)
        shop.read()
    assert set(held()) == set(others)


def test_who_knows_no_secret_is_refused_and_two_hold_while_they_change(shop):
    one, *_ = full(shop)
    before = picture()
    shop.stage.change(one, stock=1)
    headers, body = shop.stage.told(one, "guessed") or ({}, b"{}")
    for tried in (headers, {}, dict.fromkeys(headers, "")):
        assert post("stage", body, tried).status_code == 401
    follow_all()
    assert (moved(before, picture()), InboundEvent.objects.count()) == ({}, 0)
    if shop.stage.told(one, SECRET):
        run("set_hook_secret", "stage", secret="the next")
        assert [hear(shop, one, secret) for secret in (SECRET, "the next")] == [[200], [200]]
        run("set_hook_secret", "stage", secret="the third")
        assert hear(shop, one, SECRET) == [401]
