"""What every partner request goes through: admission, one snapshot, an answer, the log."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from time import perf_counter
from typing import Any, cast

import psycopg
import structlog
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.views import APIView

from apikeys.addresses import client_address
from apikeys.admission import Admission, admit, complete
from apikeys.keys import PresentedKey, parsed
from contract.problems import Problem, problem_response
from contract.snapshots import COMMIT, ContractInactive, Snapshot, snapshot_for
from groundwork.correlation import correlation_id

log = structlog.get_logger(__name__)

_WINDOW = 60  # seconds


class PartnerView(APIView):
    """An endpoint for partners. `route` is its name in the log.

    Answers are built as bytes, so DRF's negotiation, authentication and throttling are left out;
    what they would do happens in one statement (`apikeys.admission`).
    """

    http_method_names = ["get", "head"]  # noqa: RUF012 - as Django declares it
    route = ""
    admission: Admission
    answered: HttpResponse
    revision: int
    started: float
    is_logged = False

    @property
    def customer_id(self) -> int:
        """The caller; known once admission has not refused."""
        if self.admission.customer_id is None:
            raise RuntimeError("A refused request reached its view.")
        return self.admission.customer_id

    @contextmanager
    def snapshot(self, not_before: datetime | None = None) -> Iterator[Snapshot]:
        """Read as the caller; the end of the transaction and of the log's row are one round trip."""
        with snapshot_for(self.customer_id, not_before=not_before, end=self._end) as snapshot:
            self.revision = snapshot.revision
            yield snapshot

    def answer(self, body: bytes) -> HttpResponse:
        """Return a body that was built from the snapshot."""
        self.answered = HttpResponse(
            body,
            content_type="application/json",
            headers={
                "X-Revision": str(self.revision),
                "Cache-Control": "private, no-cache",
                "Vary": "Authorization",
            },
        )
        return self.answered

    def _end(self) -> None:
        self.is_logged = True
        self._log_safely(self.answered, first=COMMIT)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.started = perf_counter()
        try:
            self.admission = _admitted(request, self.route)
        except DatabaseError:
            log.exception("admission_failed")
            connection.close()
            return problem_response(_unavailable())
        response = self._answered(request, *args, **kwargs)
        if self.admission.log_id is not None and not self.is_logged:
            self._log_safely(response)
        return response

    def _answered(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            _refuse(self.admission)
            response = cast("HttpResponse", super().dispatch(request, *args, **kwargs))
        except Problem as problem:
            response = problem_response(problem)
        except ContractInactive:
            response = problem_response(
                Problem(403, "contract_inactive", "No contract of yours is in force at this time.")
            )
        except SuspiciousOperation:
            # Django reads no more than a thousand parameters.
            response = problem_response(Problem(400, "invalid_request", "It cannot be read."))
        except (OperationalError, InterfaceError, psycopg.OperationalError):
            log.exception("database_lost", route=self.route)
            connection.close()
            response = problem_response(_unavailable())
        except Exception:
            log.exception("request_failed", route=self.route)
            response = problem_response(
                Problem(500, "internal_error", "Try again. If it stays so, name the request id.")
            )
        for name, value in _limit_headers(self.admission).items():
            response.headers.setdefault(name, value)
        if hasattr(self, "revision"):
            response.headers.setdefault("X-Revision", str(self.revision))
        return response

    def _log(self, response: HttpResponse, *, first: str = "") -> None:
        complete(
            self.admission,
            status=response.status_code,
            milliseconds=(perf_counter() - self.started) * 1000,
            bytes_sent=len(response.content),
            first=first,
        )

    def _log_safely(self, response: HttpResponse, *, first: str = "") -> None:
        try:
            self._log(response, first=first)
        except DatabaseError:
            log.exception("log_not_completed")
            connection.close()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Skip what admission has done."""

    def handle_exception(self, exc: Exception) -> Any:
        """Let refusals through to where they are put into words."""
        if isinstance(exc, MethodNotAllowed):
            raise Problem(
                405,
                "method_not_allowed",
                "This resource is read with GET.",
                headers={"Allow": "GET, HEAD"},
            ) from exc
        raise exc


def _admitted(request: HttpRequest, route: str) -> Admission:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    key = parsed(given.strip()) if scheme.lower() == "bearer" else None
    try:
        return _admit(key, request, route)
    except DatabaseError as error:
        if not _connection_was_lost(error):
            raise
        # The database was restarted under a kept connection; a new one may do. Nothing was written.
        connection.close()
        return _admit(key, request, route)


def _connection_was_lost(error: DatabaseError) -> bool:
    lost = isinstance(error.__cause__, psycopg.OperationalError)
    return lost and (connection.connection is None or connection.connection.closed)


def _admit(key: PresentedKey | None, request: HttpRequest, route: str) -> Admission:
    return admit(
        key,
        method=request.method or "",
        route=route,
        correlation_id=correlation_id(),
        address=client_address(request),
    )


def _refuse(admission: Admission) -> None:
    if admission.outcome == "refused":
        raise Problem(
            401,
            "key_refused",
            "Send a valid key: `Authorization: Bearer tc_live_...`.",
            headers={"WWW-Authenticate": 'Bearer realm="tradecounter"'},
        )
    if admission.outcome == "limited":
        wait = str(max(1, int(admission.wait_seconds or 0) + 1))
        raise Problem(
            429,
            "rate_limited",
            f"At most {admission.quota} requests in any {_WINDOW} seconds. Try again in {wait} s.",
            headers={"Retry-After": wait},
        )


def _limit_headers(admission: Admission) -> dict[str, str]:
    """Return the headers of draft-ietf-httpapi-ratelimit-headers."""
    if admission.quota is None:
        return {}
    wait = int(admission.wait_seconds or 0) + 1 if not admission.remaining else _WINDOW
    return {
        "RateLimit-Policy": f'"key";q={admission.quota};w={_WINDOW}',
        "RateLimit": f'"key";r={admission.remaining};t={wait}',
    }


def _unavailable() -> Problem:
    return Problem(
        503,
        "unavailable",
        "The service cannot reach its database. Try again shortly.",
        headers={"Retry-After": "5"},
    )
