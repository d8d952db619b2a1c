"""The operators' guide, followed: install, mirror, serve, back up, restore elsewhere, upgrade, kill anything."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from demo.shops import small_shop
from demo.storefront.hooks import Target
from demo.storefront.server import running
from demo.storefront.storefront import Storefront
from tests.operations.installation import GUIDE, Clients, Installation, Server, guide_commands
from tests.promises.processes import answers, free_port, wait_for
from tests.sync.hooks import SECRET
from tests.sync.test_reconcile import sellable

pytestmark = pytest.mark.slow
EVERYTHING = ("web", "web2", "worker", "hooks", "beat", "deliverer")

CUSTOMER = """
from catalog_mirror.models import Source
from customers import versions
from customers.models import Customer, CustomerTerms, VisibilityRule
alder = Customer.objects.create(slug="alder", name="Alder Promotions")
versions.add(CustomerTerms, actor="ann", customer=alder, currency="USD")
versions.add(VisibilityRule, actor="ann", effect="allow", customer=alder, source=Source.objects.get())
"""


class Whole:
    """An installation, its shop, and a partner's key."""

    def __init__(self, folder: Path, shop: Storefront, url: str) -> None:
        self.shop = shop
        self.here = Installation(folder)
        self.here.manage("migrate --verbosity 0")
        key, secret = shop.shop.consumer_key, shop.shop.consumer_secret
        self.here.manage(
            f"add_source {shop.shop.slug} --url {url} --sweep-at 03:00",
            SOURCE_KEY=key, SOURCE_SECRET=secret, SOURCE_HOOK_SECRET=SECRET,
        )  # fmt: skip
        self.here.manage(f"reconcile --source {shop.shop.slug}")
        self.here.python(CUSTOMER)
        self.key = re.search(r"tc_live_\w+", self.here.manage("issue_key alder --label shop"))[0]
        self.unlimited()
        self.record = shop.store.catalogue.products[int(min(sellable(shop)))]
        self.prices = iter(range(1, 10_000))

    def unlimited(self) -> None:
        self.here.server.as_superuser(
            "insert into apikeys_customerlimit (customer_id, requests_a_minute)"
            " select id, 6000 from customers_customer"
        )
        self.here.server.as_superuser("update apikeys_apikey set requests_a_minute = 6000")

    def listens(self) -> None:
        """Have the shop tell the web process, as pasted into the shop."""
        at = f"http://127.0.0.1:{self.here.ports['web']}/hooks/{self.shop.shop.slug}/"
        self.shop.hooks.target = Target(at, SECRET, "http://shop.invalid")

    def an_edit_arrives(self) -> float:
        """Change a price in the shop; return after how many seconds the partner reads it."""
        price = f"{next(self.prices)}.25"
        self.shop.edit_price(self.record.id, price)
        return wait_for(lambda: self._price() == price, seconds=60)

    def _price(self) -> str:
        path = f"/v1/products/{self.record.sku}"
        status, said = self.here.asked(self.here.ports["web"], path, key=self.key)
        return said["price"]["list"] if status == 200 else ""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    shop = Storefront(small_shop(1))
    with running(shop) as url, shop.hooks.delivering():
        whole = Whole(tmp_path_factory.mktemp("installed"), shop, url)
        whole.listens()
        try:
            whole.here.start(*EVERYTHING)
            yield whole
        finally:
            whole.here.end()


def test_the_guide_names_every_process():
    assert set(guide_commands()) == {"web", "worker", "hooks", "beat", "deliverer"}


def test_a_partner_is_served_and_an_edit_arrives(whole):
    assert len(whole.here.ask("/v1/products", key=whole.key)["data"]) > 10
    assert whole.an_edit_arrives() < 30


def test_killing_any_one_process_needs_no_step_by_hand(whole):
    """Each is killed in the midst of its work and started by the same command; then an edit arrives."""
    for name in EVERYTHING:
        whole.here.kill(name)
        whole.here.start(name)
        assert whole.an_edit_arrives() < 60, name


def workers_of(here: Installation) -> list[psutil.Process]:
    """The processes in which the web server's own master runs our code."""
    each = [child for child in here.children_of("web") if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in each if "resource_tracker" not in " ".join(child.cmdline())]


def test_a_web_worker_that_dies_is_replaced_by_its_own_master(whole):
    before = workers_of(whole.here)
    before[0].kill()
    wait_for(lambda: before[0] not in workers_of(whole.here), seconds=20)
    wait_for(lambda: len(workers_of(whole.here)) == len(before) == 2, seconds=20)
    wait_for(lambda: whole.here.is_ready("web"))
    assert whole.an_edit_arrives() < 30


def test_killing_the_engines_needs_no_step_by_hand(whole):
    for engine, port in (
        (whole.here.valkey, whole.here.valkey_port),
        (whole.here.server.engine, whole.here.server.port),
    ):
        for leader in engine.leaders():
            subprocess.run(["kill", "-9", str(leader)], check=True)  # noqa: S603, S607
        wait_for(lambda port=port: not answers(port))
        engine.start(port=port)
        assert whole.an_edit_arrives() < 90, engine.name


def test_a_backup_restored_elsewhere_serves_and_ends_older_cursors(whole, tmp_path):
    dump = str(tmp_path / "tradecounter.dump")
    whole.here.server.run("pg_dump", "--format=custom", "--file", dump, "tradecounter")
    whole.an_edit_arrives()
    cursor = whole.here.ask("/v1/changes?since=latest", key=whole.key)["delta_cursor"]
    for name in EVERYTHING:
        whole.here.stop(name)
    first, elsewhere = whole.here.server, Server(tmp_path / "b", whole.here.server.password)
    try:
        whole.here.move_to(elsewhere)
        whole.here.manage("make_roles")
        elsewhere.run("pg_restore", "--single-transaction", "--dbname", "tradecounter", dump)
        whole.here.manage("migrate --verbosity 0")
        whole.here.manage("start_epoch")
        whole.here.start("web", "web2", "worker", "hooks", "beat", "deliverer")
        whole.here.manage("reconcile")
        status, said = whole.here.asked(
            whole.here.ports["web"], f"/v1/changes?since={cursor}", key=whole.key
        )
        assert (status, said["code"]) == (410, "cursor_gone")
        shown = whole.here.ask("/v1/products?limit=100", key=whole.key)["data"]
        assert {i["sku"]: i["price"]["list"] for i in shown}[whole.record.sku] == whole._price()
        assert whole.an_edit_arrives() < 30
    finally:
        for name in list(whole.here._running):
            whole.here.stop(name)
        elsewhere.engine.stop()
        whole.here.move_to(first)
        whole.here.manage("start_epoch")  # the witness saw the other's
        whole.here.manage("start_epoch")
        whole.here.start(*EVERYTHING)


@pytest.fixture
def proxy(whole, tmp_path):
    """HAProxy with the guide's own configuration, over plain HTTP."""
    program = shutil.which("haproxy")
    if program is None:
        pytest.skip("haproxy is not installed: apt-get install haproxy")
    port = free_port()
    block = re.search(r"^    defaults\n.*?(?=\n\n)", GUIDE, re.MULTILINE | re.DOTALL)[0]
    text = "\n".join(line.removeprefix("    ") for line in block.split("\n"))
    text = text.replace("bind :443 ssl crt /etc/haproxy/tradecounter.pem", f"bind 127.0.0.1:{port}")
    for name, wanted in (("8000", whole.here.ports["web"]), ("8001", whole.here.ports["web2"])):
        text = text.replace(f"127.0.0.1:{name}", f"127.0.0.1:{wanted}")
    (tmp_path / "haproxy.cfg").write_text(text + "\n")
    process = subprocess.Popen([program, "-f", str(tmp_path / "haproxy.cfg")])  # noqa: S603
    wait_for(lambda: answers(port))
    yield port
    process.terminate()
    process.wait(10)


def test_an_upgrade_with_requests_running_fails_none(whole, proxy):
    """The schema grows, then one process after the other is ended and started, as the guide has it."""
    with Clients(proxy, whole.key) as clients:
        wait_for(lambda: clients.statuses.get(200, 0) > 50)
        whole.here.server.as_superuser(
            "set role tradecounter_owner; alter table catalog_mirror_variant add column next_version int"
        )
        whole.here.manage("migrate --verbosity 0")
        for name in EVERYTHING:
            whole.here.stop(name)
            time.sleep(2)  # as long as a new image takes to start; the proxy notices
            whole.here.start(name)
            time.sleep(2)
        served = clients.statuses.get(200, 0)
        wait_for(lambda: clients.statuses.get(200, 0) > served + 50)
    assert set(clients.statuses) == {200}, clients.statuses
