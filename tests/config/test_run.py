"""`make run` with small children of its own, in a process of its own."""

import os
import signal
import socket
import subprocess
import sys

import psutil
import pytest

from config import run
from groundwork.engines import processes

PROGRAM = """
import sys
from config import run
from config.supervisor import Child

def python(name, code, **options):
    return Child(name, (sys.executable, "-c", "import os, signal, sys, time\\n" + code), **options)

plan = run.Plan(steps=({steps}), children=({children}), hints=({hints}), ports={ports})
run.plan = lambda _: plan
sys.exit(run.main())
"""
IDLE = "sys.stdout.write(f'at work {os.getpid()}' + chr(10)); time.sleep(60)"
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN); " + IDLE


@pytest.fixture
def start(monkeypatch):
    """Return a function that starts a plan on engines that are not ours to start or end."""
    monkeypatch.setenv("DATABASE_URL", "postgres://nobody@127.0.0.1:9/nothing")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")
    for secret in ("SECRET_KEY", "CURSOR_KEYS", "SEALING_KEYS"):
        monkeypatch.setenv(secret, "A" * 43 + "=")
    started = []

    def begin(*, steps="", children="", hints="", ports="{}", prelude=""):
        program = prelude + PROGRAM.format(steps=steps, children=children, hints=hints, ports=ports)
        supervisor = subprocess.Popen(  # noqa: S603
            [sys.executable, "-X", "dev", "-c", program],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(supervisor)
        return supervisor

    yield begin
    for supervisor in started:
        supervisor.kill()
        supervisor.communicate()


def lines_until(supervisor, text):
    lines = []
    while not lines or text not in lines[-1]:
        lines.append(supervisor.stdout.readline())
        assert lines[-1], supervisor.stderr.read()
    return lines


def has_ended(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_every_child_in_reverse_order_and_exits_0(start, number):
    farewell = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('goodbye'))); "
    supervisor = start(
        children=f'python("one", "{farewell}{IDLE}"), python("three", "{farewell}{IDLE}"),'
    )
    first = lines_until(supervisor, "at work")
    first += lines_until(supervisor, "at work")
    supervisor.send_signal(number)
    out, err = supervisor.communicate(timeout=20)
    assert (supervisor.returncode, err) == (0, "")
    assert out == "three | goodbye\none   | goodbye\n"
    assert all(has_ended(int(line.split()[-1])) for line in first)


def test_child_that_dies_ends_the_others_and_is_named(start):
    supervisor = start(children=f'python("idle", "{IDLE}"), python("brief", "sys.exit(7)"),')
    out, err = supervisor.communicate(timeout=20)
    assert (supervisor.returncode, err) == (1, "brief ended with exit status 7.\n")
    assert all(has_ended(int(line.split()[-1])) for line in out.splitlines())


def test_killed_child_is_told_by_its_signal(start):
    supervisor = start(children=f'python("idle", "{IDLE}"),')
    os.kill(int(lines_until(supervisor, "at work")[-1].split()[-1]), signal.SIGKILL)
    assert supervisor.communicate(timeout=20)[1] == "idle ended by SIGKILL.\n"
    assert supervisor.returncode == 1


def test_whole_session_of_a_stubborn_child_is_killed(start):
    parent = f"os.fork(); {STUBBORN}"
    supervisor = start(
        children=f'python("deaf", "{parent}"),',
        prelude="from config import supervisor\nsupervisor.GRACE = 0.2\n",
    )
    lines = lines_until(supervisor, "at work") + lines_until(supervisor, "at work")
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(timeout=20) == 0
    ended = [int(line.split()[-1]) for line in lines]
    assert processes.wait_until(lambda: all(has_ended(pid) for pid in ended), seconds=5)


def test_steps_go_first_and_a_failed_step_starts_no_child(start):
    supervisor = start(
        steps='python("first", "print(1)"), python("second", "sys.exit(print(2) or 3)"),',
        children=f'python("never", "{IDLE}"),',
    )
    out, err = supervisor.communicate(timeout=20)
    assert (supervisor.returncode, err) == (1, "second ended with exit status 3.\n")
    assert out == "first  | 1\nsecond | 2\n"


def test_hints_come_unadorned_once_every_port_answers(start):
    port = processes.usable_port(0)
    address = f"('127.0.0.1', {port}), h.SimpleHTTPRequestHandler"
    server = f"import http.server as h; time.sleep(.3); h.HTTPServer({address}).serve_forever()"
    supervisor = start(
        children=f'python("web", "{server}", port={port}),',
        hints='python("", "print(\'curl it\')"),',
    )
    assert lines_until(supervisor, "curl it")[-1] == "curl it\n"
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(timeout=20) == 0


def test_port_in_use_is_one_line_before_anything_starts(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        supervisor = start(steps='python("never", "print(1)"),', ports=f'{{{port}: "PORT"}}')
        out, err = supervisor.communicate(timeout=20)
    assert (supervisor.returncode, out) == (1, "")
    assert err == f"Port {port} is in use: end what uses it, or choose with PORT=...\n"


def test_engines_run_for_the_children_and_end_with_them(start, monkeypatch, tmp_path):
    monkeypatch.setenv("TRADECOUNTER_DATA", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.delenv("REDIS_URL")
    supervisor = start(
        children=f"""python("child", "print(os.environ['REDIS_URL'][:5]); {IDLE}"),"""
    )
    assert lines_until(supervisor, "redis") == ["child | redis\n"]
    valkey = tmp_path / "engines" / "valkey-server"
    before = processes.running_in(valkey, program="valkey-server")
    os.kill(before[0], signal.SIGKILL)
    assert processes.wait_until(
        lambda: set(processes.running_in(valkey, program="valkey-server")) - set(before), seconds=10
    )
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(timeout=20) == 0
    for program in ("valkey-server", "postgres"):
        assert not processes.running_in(tmp_path / "engines" / program, program=program)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"PORT": "http"}, "PORT=http is not 1 port number(s), as in PORT=8000."),
        (
            {"SHOP_PORTS": "8101"},
            "SHOP_PORTS=8101 is not 2 port number(s), as in SHOP_PORTS=8101,8102.",
        ),
        ({"PORT": "70000"}, "PORT=70000 is not 1 port number(s), as in PORT=8000."),
    ],
)
def test_nonsense_for_a_port_is_one_line(environment, message):
    with pytest.raises(run.PortTaken) as refusal:
        run.plan(environment)
    assert str(refusal.value) == message


def test_chosen_ports_reach_the_children():
    plan = run.plan({"PORT": "9000", "SHOP_PORTS": "9001,9002", "RECEIVER_PORT": "9003"})
    assert plan.ports == {
        9000: "PORT",
        9001: "SHOP_PORTS",
        9002: "SHOP_PORTS",
        9003: "RECEIVER_PORT",
    }
    assert [(c.name, c.port) for c in plan.children if c.port] == [
        ("drinkware", 9001),
        ("apparel", 9002),
        ("web", 9000),
        ("receiver", 9003),
    ]
