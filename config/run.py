"""`make run`: the engines, the demo shops and all of Tradecounter on one terminal."""

import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings

from config.supervisor import Child, ChildEnded, Interrupted, Supervisor
from groundwork import engines
from groundwork.local import CHECKOUT, DataFolderUnusable, data_folder

HOST = "127.0.0.1"
PORTS = range(1, 65536)
MANAGE = (sys.executable, str(CHECKOUT / "manage.py"))
CELERY = (sys.executable, "-m", "celery", "--quiet", "--app", "config.celery")
ALONE = ("--without-gossip", "--without-mingle")  # one worker has no neighbors to ask
FOR_HOOKS = (
    "--queues",
    "hooks",
    "--hostname",
    "hooks@%h",
)  # no sweep stands before what a shop tells
GRANIAN = (sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST)


class PortTaken(Exception):
    """A port is not to be had; the message is one line that names it and how to choose another."""


@dataclass(frozen=True)
class Plan:
    """What runs: first steps one by one, then children together, then a last word."""

    steps: tuple[Child, ...]
    children: tuple[Child, ...]
    hints: tuple[Child, ...]
    ports: Mapping[int, str]  # to the environment variable that chooses it


def plan(environment: Mapping[str, str]) -> Plan:
    """Return the plan of `make run`, on the ports that the environment chooses."""
    web = _ports(environment, "PORT", "8000", count=1)[0]
    drinkware, apparel = _ports(environment, "SHOP_PORTS", "8101,8102", count=2)
    receiver = _ports(environment, "RECEIVER_PORT", "8103", count=1)[0]
    schedule = str(data_folder() / "celerybeat-schedule")
    return Plan(
        steps=(Child("migrate", (*MANAGE, "migrate", "--verbosity", "0")),),
        children=(
            _shop("drinkware", drinkware, web=web),
            _shop("apparel", apparel, web=web),
            Child(
                "web",
                (
                    *GRANIAN,
                    "--port",
                    str(web),
                    "--blocking-threads",
                    "4",
                    "config.wsgi:application",
                ),
                port=web,
                path="/v1/health",
            ),
            Child("worker", (*CELERY, "worker", "--concurrency", "2", *ALONE)),
            Child("hooks", (*CELERY, "worker", "--concurrency", "1", *FOR_HOOKS, *ALONE)),
            Child("beat", (*CELERY, "beat", "--schedule", schedule)),
            Child("deliverer", (*MANAGE, "deliver_webhooks")),
            _receiver(receiver),
        ),
        hints=(Child("", _seeding(web, drinkware, apparel, receiver)),),
        ports={
            web: "PORT",
            drinkware: "SHOP_PORTS",
            apparel: "SHOP_PORTS",
            receiver: "RECEIVER_PORT",
        },
    )


def _seeding(web: int, drinkware: int, apparel: int, receiver: int) -> tuple[str, ...]:
    shops = {"drinkware": drinkware, "apparel": apparel}
    told = (f"--shop={name}=http://{HOST}:{port}" for name, port in shops.items())
    partner = (f"--receiver=http://{HOST}:{receiver}", f"--receiver-secret={_receiver_secret()}")
    return (*MANAGE, "seed_demo", f"--web=http://{HOST}:{web}", *told, *partner)


def _receiver(port: int) -> Child:
    command = ("receiver", "--port", str(port), "--secret-file", _receiver_secret())
    return Child("receiver", (*MANAGE, *command), signal.SIGINT, port=port)


def _receiver_secret() -> str:
    return str(data_folder() / "receiver.secret")


def _shop(name: str, port: int, *, web: int) -> Child:
    journal = str(data_folder() / f"{name}.journal")
    hooks = f"http://{HOST}:{web}/hooks/{name}/"
    kept = ("--journal", journal, "--hooks", hooks)
    command = (*MANAGE, "storefront", name, "--port", str(port), *kept)
    return Child(name, command, signal.SIGINT, port=port)


def _ports(environment: Mapping[str, str], name: str, default: str, *, count: int) -> list[int]:
    given = environment.get(name) or default
    try:
        ports = [int(port) for port in given.split(",")]
    except ValueError:
        ports = []
    if len(ports) != count or not all(port in PORTS for port in ports):
        raise PortTaken(f"{name}={given} is not {count} port number(s), as in {name}={default}.")
    return ports


def refuse_taken(ports: Mapping[int, str]) -> None:
    """Raise `PortTaken` unless every port is free."""
    for port, variable in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise PortTaken(
                    f"Port {port} is in use: end what uses it, or choose with {variable}=..."
                ) from error


def needs_engines() -> bool:
    """Tell whether the embedded engines are to run: unless both URLs are set."""
    return settings.EMBEDDED or not settings.REDIS_URL


@contextmanager
def environment_of_children(*, own_engines: bool) -> Iterator[dict[str, str]]:
    """Start the embedded engines, if they are to run, and end them afterwards."""
    environment = dict(os.environ) | {
        "PYTHONUNBUFFERED": "1",
        "LOCAL": "true",
        "WEBHOOKS_TO_THIS_MACHINE": "true",
    }
    if not own_engines:
        yield environment
        return
    try:
        redis_url = settings.REDIS_URL or engines.ensure().redis_url
        yield environment | {"REDIS_URL": redis_url}
    finally:
        engines.stop()


def run(what: Plan, *, own_engines: bool) -> None:
    """Run the plan until a signal (`Interrupted`) or the end of a child (`ChildEnded`)."""
    refuse_taken(what.ports)
    supervisor = Supervisor(width=max(len(c.name) for c in what.steps + what.children))
    with environment_of_children(own_engines=own_engines) as environment, supervisor:
        for step in what.steps:
            supervisor.run(step, environment=environment)
        for child in what.children:
            supervisor.start(child, environment=environment)
        supervisor.wait_for(what.children)
        for step in what.hints:
            supervisor.run(step, environment=environment)
        # An engine that was killed starts again where the children look for it.
        supervisor.watch(engines.ensure if own_engines else lambda: None)


def main() -> int:
    """Return the exit code: 0 when someone ended us, 1 when something else did."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        own_engines = needs_engines()  # first: the settings read .env into our environment
        run(plan(os.environ), own_engines=own_engines)
    except Interrupted:
        return 0
    except (ChildEnded, PortTaken, engines.EngineUnavailable, DataFolderUnusable) as error:
        sys.stderr.write(f"{error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
