"""The contracts that the linter holds are held, and each of them notices what it forbids."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models
from django.test.utils import isolate_apps

from tests.architecture.foreign_keys import wrong_foreign_keys

CHECKOUT = Path(__file__).resolve().parent.parent.parent
LINTER = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["importlinter"]

# Contract, and the wrong imports that it must notice: a module, new or not, and what it imports.
WRONG = [
    ("Rooms import downward only", "groundwork/wrong.py", "catalog_mirror.models"),
    ("Rooms import downward only", "catalog_mirror/wrong.py", "customers.models"),
    ("Rooms import downward only", "customers/wrong.py", "pricing.models"),
    ("Rooms import downward only", "apikeys/wrong.py", "pricing.models"),
    ("Rooms import downward only", "pricing/wrong.py", "contract.items"),
    ("Rooms import downward only", "contract/wrong.py", "sync.apps"),
    ("Rooms import downward only", "sync/wrong.py", "outbound_hooks.apps"),
    ("Rooms import downward only", "outbound_hooks/wrong.py", "portal.apps"),
    ("Rooms import downward only", "portal/wrong.py", "config.settings"),
    ("Sync is blind to customers and prices", "sync/blind.py", "customers.visibility"),
    ("Sync is blind to customers and prices", "sync/blinder.py", "pricing.offers"),
    ("The demo imports no room", "demo/wrong.py", "groundwork.local"),
    ("Only config imports the demo", "sync/shops.py", "demo.shops"),
    ("Doors are imported by doors and by routes", "contract/indoors.py", "contract.api"),
    ("Doors are imported by doors and by routes", "customers/indoors.py", "customers.admin"),
    (
        "Doors are imported by doors and by routes",
        "customers/paging.py",
        "customers.version_pages",
    ),
    ("Tasks are started by doors", "sync/starting.py", "sync.tasks"),
    ("Models import models", "pricing/models.py", "pricing.offers"),
    ("Only sync and the sandbox write the mirror", "portal/writing.py", "catalog_mirror.mirror"),
    ("HTTP leaves through two modules", "sync/calling.py", "requests"),
    ("REST framework stays at the doors", "contract/serving.py", "rest_framework"),
    ("Celery stays in tasks", "outbound_hooks/queueing.py", "celery"),
]
# What the same contracts must let through.
RIGHT = [
    ("sync/tasks.py", "celery"),
    ("sync/http.py", "requests"),
    ("outbound_hooks/sender.py", "requests"),
    ("sync/writing.py", "catalog_mirror.mirror"),
    ("sync/admin.py", "sync.tasks"),
    ("customers/admin.py", "customers.versions"),
    ("customers/management/commands/tell.py", "customers.versions"),
    ("portal/authentication.py", "rest_framework"),
    ("config/shops.py", "demo.shops"),
]


def linted(folder: Path) -> str:
    told = subprocess.run(  # noqa: S603 - our own linter
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return told.stdout + told.stderr


def broken(output: str) -> set[str]:
    names = [contract["name"] for contract in LINTER["contracts"]]
    return {name for name in names if f"{name} BROKEN" in output}


def sections(output: str) -> dict[str, str]:
    """Return what the linter says of each broken contract."""
    names = "|".join(re.escape(contract["name"]) for contract in LINTER["contracts"])
    parts = re.split(rf"^({names})\n-+$", output, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of the rooms, with the doors that the wrong imports need."""
    for room in LINTER["root_packages"]:
        shutil.copytree(
            CHECKOUT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "static")
        )
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    for path, imported in RIGHT:
        add(tmp_path, path, imported)
    return tmp_path


def add(folder: Path, path: str, imported: str) -> None:
    module = folder / path
    module.parent.mkdir(parents=True, exist_ok=True)
    for package in module.relative_to(folder).parents:
        if package != Path():
            (folder / package / "__init__.py").touch()
    with module.open("a") as file:
        file.write(f"\nimport {imported}\n")


def test_the_tree_holds_every_contract():
    output = linted(CHECKOUT)
    assert f"Contracts: {len(LINTER['contracts'])} kept, 0 broken." in output, output


def test_what_is_right_is_let_through(copy):
    output = linted(copy)
    assert "0 broken" in output, output


def test_every_wrong_import_is_noticed_by_its_contract(copy):
    """All at once, which costs one run: the linter names every module it blames."""
    for _, path, imported in WRONG:
        add(copy, path, imported)
    output = linted(copy)
    assert broken(output) == {name for name, _, _ in WRONG}
    assert broken(output) == {contract["name"] for contract in LINTER["contracts"]}
    blamed = sections(output)
    for name, path, imported in WRONG:
        module = path.removesuffix(".py").replace("/", ".")
        assert f"{module} -> {imported}" in blamed[name], (name, path)


def test_foreign_keys_point_downward():
    assert wrong_foreign_keys(apps.get_models(include_auto_created=True)) == []


@isolate_apps("catalog_mirror", "customers", "pricing", "apikeys", "sync", "portal")
def test_a_wrong_foreign_key_is_noticed():
    def pointing(name: str, room: str, to: str):
        meta = type("Meta", (), {"app_label": room})
        key = models.ForeignKey(to, models.PROTECT)
        return type(name, (models.Model,), {"__module__": __name__, "Meta": meta, "to": key})

    def room_s_own(name: str, room: str) -> None:
        meta = type("Meta", (), {"app_label": room})
        type(name, (models.Model,), {"__module__": __name__, "Meta": meta})

    room_s_own("Customer", "customers")
    room_s_own("PriceRule", "pricing")
    up = pointing("Up", "catalog_mirror", "customers.Customer")
    sideways = pointing("Sideways", "apikeys", "pricing.PriceRule")
    blind = pointing("Blind", "sync", "customers.Customer")
    down = pointing("Down", "portal", "pricing.PriceRule")
    own = pointing("Own", "customers", "customers.Customer")
    assert wrong_foreign_keys([up, sideways, blind, down, own]) == [
        "catalog_mirror.Up.to -> customers.Customer",
        "apikeys.Sideways.to -> pricing.PriceRule",
        "sync.Blind.to -> customers.Customer",
    ]
