"""The three database roles: owner migrates, app works, api reads one customer's view.

They are named after the database, so that several installations share a cluster. The login of
`DATABASE_URL` is a member of all three and works in none of its own tables.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.migrations.operations.base import Operation

ROLES = ("owner", "app", "api")


def role_name(connection: BaseDatabaseWrapper, role: str) -> str:
    return f"{connection.settings_dict['NAME']}_{role}"


def take(connection: BaseDatabaseWrapper, role: str) -> None:
    """Set the session's role, where it exists: before the first migration there is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select set_config('role', rolname, false) from pg_roles where rolname = %s",
            [role_name(connection, role)],
        )


def refuse_another(connection: BaseDatabaseWrapper, role: str) -> None:
    """Raise `ImproperlyConfigured` unless the session works in the role already, as a pooler sets it."""
    wanted = role_name(connection, role)
    with connection.cursor() as cursor:
        cursor.execute("select current_user")
        found = cursor.fetchone()[0]
    if found != wanted:
        connection.close()  # or the next use would find it open
        raise ImproperlyConfigured(
            f"With DATABASE_POOLED the pooler sets the role, and it set {found}: give the database "
            f"connect_query='set role \"{wanted}\"'. Only web processes may be pooled."
        )


def refuse_pooled(what: str) -> None:
    """Raise `ImproperlyConfigured` for what needs a session of its own."""
    if settings.DATABASE_POOLED:
        raise ImproperlyConfigured(
            f"{what} keeps a session of its own: let DATABASE_URL lead to Postgres itself, without "
            "DATABASE_POOLED."
        )


@contextmanager
def owner(connection: Any) -> Iterator[None]:
    """Run a block as the owner of the tables, making the roles first where they are missing."""
    refuse_pooled("A migration")
    with connection.cursor() as cursor:
        cursor.execute("reset role")
        cursor.execute("set lock_timeout = '10s'")  # a migration must not queue up all requests
        _ensure_roles(cursor, {role: role_name(connection, role) for role in ROLES})
    connection.role = "owner"
    take(connection, "owner")
    try:
        yield
    finally:
        connection.role = "app"
        take(connection, "app")
        with connection.cursor() as cursor:
            cursor.execute("reset lock_timeout")


def _ensure_roles(cursor: CursorWrapper, names: dict[str, str]) -> None:
    quoted = {role: f'"{name}"' for role, name in names.items()}
    for role, name in names.items():
        cursor.execute("select 1 from pg_roles where rolname = %s", [name])
        if not cursor.fetchone():
            cursor.execute(f"create role {quoted[role]} nologin noinherit nobypassrls")
        # From Postgres 16 on, who makes a role may give it away but not take it.
        cursor.execute("select rolsuper from pg_roles where rolname = current_user")
        if not cursor.fetchone()[0]:
            cursor.execute(f"grant {quoted[role]} to current_user")
    cursor.execute(_GRANTS.format(**quoted, owner_text=f"'{names['owner']}'"))


# What the owner creates, the app role may use; the api role is granted table by table.
_GRANTS = """
    grant {app} to {owner};
    do $$ begin
        -- Once only: who is a member of the owner, and does not own the schema by name, would grant it the
        -- second time in its own name.
        if not has_schema_privilege({owner_text}, 'public', 'create with grant option') then
            grant usage, create on schema public to {owner} with grant option;
        end if;
    end $$;
    grant usage on schema public to {app}, {api};
    alter default privileges for role {owner} in schema public
        grant select, insert, update, delete on tables to {app};
    alter default privileges for role {owner} in schema public
        grant usage, select on sequences to {app};
    alter default privileges for role {owner}
        revoke execute on functions from public;
    alter default privileges for role {owner} in schema public
        grant execute on functions to {app};
"""


class RoleSQL(Operation):
    """Run SQL in a migration with `<owner>`, `<app>` and `<api>` replaced by this database's roles."""

    reduces_to_sql = True
    reversible = False

    def __init__(self, sql: str) -> None:
        self.sql = sql

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(
        self,
        app_label: str,  # noqa: ARG002 - Django calls with all four
        schema_editor: Any,
        from_state: Any,  # noqa: ARG002
        to_state: Any,  # noqa: ARG002
    ) -> None:
        sql = self.sql
        for role in ROLES:
            sql = sql.replace(f"<{role}>", f'"{role_name(schema_editor.connection, role)}"')
        schema_editor.execute(sql, params=None)

    def describe(self) -> str:
        return "Run SQL that names the database's roles"


def protected(table: str, api_sees: str) -> RoleSQL:
    """Return the operation that lets the app role see all of `table`, the api role `api_sees`.

    Forced, so that a process that works as the owner by mistake sees nothing.
    """
    return RoleSQL(f"""
        alter table {table} enable row level security;
        alter table {table} force row level security;
        create policy app_all on {table} to <app> using (true) with check (true);
        create policy api_view on {table} for select to <api> using ({api_sees});
        grant select on {table} to <api>;
    """)


def altered(table: str, api_sees: str) -> RoleSQL:
    """Return the operation that lets the api role see something else of a protected table."""
    return RoleSQL(f"alter policy api_view on {table} using ({api_sees});")


def definer(signature: str) -> RoleSQL:
    """Return the operation that makes a function see, for the api role, what the app role sees."""
    return RoleSQL(f"""
        alter function {signature} security definer set search_path = public, pg_temp;
        revoke all on function {signature} from public;
        grant execute on function {signature} to <app>, <api>;
        grant create on schema public to <app>;
        alter function {signature} owner to <app>;
        revoke create on schema public from <app>;
    """)


# What stands open to everyone, and says nothing of any customer.
_OPEN = ("catalog_mirror_revision", "catalog_mirror_epoch", "catalog_mirror_pruning")

_UNSAFE = """
    select rolname from pg_roles
    where rolname = %(api)s and (rolsuper or rolbypassrls)
    union all
    select %(app)s::name where pg_has_role(%(api)s, %(app)s, 'member')
    union all
    select relname from pg_class
    where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
      and (pg_has_role(%(api)s, relowner, 'member')
           or (has_any_column_privilege(%(api)s, oid, 'select')
               and not (relrowsecurity and relforcerowsecurity)
               and relname <> all(%(open)s)))
    limit 1
"""


def refuse_unsafe_api_role(connection: BaseDatabaseWrapper) -> None:
    """Raise `ImproperlyConfigured` where the api role could see past the row policies."""
    api = role_name(connection, "api")
    with connection.cursor() as cursor:
        cursor.execute("select 1 from pg_roles where rolname = %s", [api])
        if not cursor.fetchone():
            raise ImproperlyConfigured(
                f"The database role {api} is missing. Run `manage.py migrate`, then start again."
            )
        app = role_name(connection, "app")
        cursor.execute(_UNSAFE, {"api": api, "app": app, "open": list(_OPEN)})
        if unsafe := cursor.fetchone():
            raise ImproperlyConfigured(
                f"The database role {api} can see past the row policies (through {unsafe[0]}). "
                "Take superuser, BYPASSRLS, membership in other roles and unprotected tables from "
                "it, then start again."
            )
