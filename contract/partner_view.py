"""What every partner request goes through: admission, one snapshot, an answer, the log."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Any

import psycopg
import structlog
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.views import APIView

from apikeys import completions
from apikeys.admission import Admission
from apikeys.models import Scope
from contract import replicas
from contract.admitting import Call, Reader, admitted, limit_headers, no_view, reader_of, refuse
from contract.encodings import compressed
from contract.problems import Problem, method_not_allowed, problem_response, unavailable
from contract.retirements import Retirement
from contract.snapshots import (
    ContractInactive,
    Elapsed,
    Foreseen,
    Opened,
    Snapshot,
    close,
    snapshot_for,
)

log = structlog.get_logger(__name__)

# Kept by nobody but the partner, and asked for again each time: with a tag that costs little.
KEEPING = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Accept-Encoding"}


class PartnerView(APIView):
    """An endpoint for partners. `route` is its name in the log.

    Answers are built as bytes, so nothing of DRF runs but the description for OpenAPI: negotiation,
    authentication and throttling happen in one statement (`apikeys.admission`).
    """

    http_method_names = ["get", "head"]  # noqa: RUF012 - as Django declares it
    route = ""
    retirement: Retirement | None = None
    scope = Scope.CATALOGUE.value  # what a key with scopes needs to come in here; empty for nothing
    takes_test_keys = True
    admission: Admission
    revision: int
    started: float
    opened: Opened | None = None
    # What the primary had at the admission, where a replica may be read instead; such a read may lag.
    may_lag = True
    primary: replicas.Primary | None = None

    @property
    def customer_id(self) -> int:
        """Whom the caller reads as; known once admission has not refused."""
        reader = reader_of(self.admission)
        if reader is None:
            raise RuntimeError("A refused request reached its view.")
        return reader

    @contextmanager
    def snapshot(
        self,
        not_before: datetime | None = None,
        *,
        at_least: int = 0,
        named: datetime | None = None,
    ) -> Iterator[Snapshot]:
        """Read as the caller, nothing older than this instant and this revision.

        `named` is an instant of an earlier answer: a standby that is not so far is not asked about it.
        """
        opened, self.opened = self.opened, None
        if self.primary:
            opened = replicas.opened_for(
                self.customer_id,
                self.primary,
                not_before=max(filter(None, (not_before, named)), default=None),
                at_least=at_least,
            )
        with snapshot_for(self.customer_id, not_before=not_before, opened=opened) as snapshot:
            self.revision = snapshot.revision
            yield snapshot

    def answer(self, body: bytes, headers: Mapping[str, str] | None = None) -> HttpResponse:
        """Return a body that was built from the snapshot."""
        packed = compressed(body, self.request.META.get("HTTP_ACCEPT_ENCODING", ""))
        encoding = {"Content-Encoding": "gzip"} if packed is not None else {}
        return HttpResponse(
            body if packed is None else packed,
            content_type="application/json",
            headers={"X-Revision": str(self.revision), **KEEPING, **encoding, **(headers or {})},
        )

    def foreseen(self, request: HttpRequest, reader: Reader, **_: Any) -> Foreseen:  # noqa: ARG002
        """Return what the answer to this reader will be read with, as far as that is known before.

        It is read in the round trip of the admission. What is wrong with a request is no matter here.
        """
        return Foreseen()

    def dispatch(self, request: HttpRequest, *_: Any, **kwargs: Any) -> HttpResponseBase:
        self.started = perf_counter()
        call = Call(request, self.route, self.may_lag, partial(self._foreseen, request, kwargs))
        try:
            self.admission, self.opened, self.primary = admitted(call)
        except (DatabaseError, InterfaceError):
            log.exception("admission_failed")
            connection.close()
            return problem_response(unavailable())
        if self.opened and self.admission.outcome in ("admitted", "limited", "outside"):
            # Known already, so refusals tell it too; not to whom it would say that a key exists.
            self.revision = self.opened.revision
        response = self._answered(request, **kwargs)
        self._close()
        self._log(response)
        return response

    def _foreseen(self, request: HttpRequest, named: Mapping[str, Any], reader: Reader) -> Foreseen:
        try:
            return self.foreseen(request, reader, **named)
        except (Problem, SuspiciousOperation):
            return Foreseen()  # it is refused where it is answered
        except Exception:
            log.exception("not_foreseen", route=self.route)
            return Foreseen()

    def _answered(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            refuse(self.admission, self.scope, takes_test_keys=self.takes_test_keys)
            response = self._handled_somewhere(request, **kwargs)
        except Problem as problem:
            response = problem_response(problem)
        except ContractInactive as inactive:
            self.revision = inactive.revision
            response = problem_response(no_view(self.admission))
        except SuspiciousOperation:
            # Django reads no more than a thousand parameters.
            response = problem_response(Problem(400, "invalid_request", "It cannot be read."))
        except (OperationalError, InterfaceError, psycopg.OperationalError):
            log.exception("database_lost", route=self.route)
            connection.close()
            response = problem_response(unavailable())
        except Exception:
            log.exception("request_failed", route=self.route)
            response = problem_response(
                Problem(500, "internal_error", "Try again. If it stays so, name the request id.")
            )
        for name, value in limit_headers(self.admission).items():
            response.headers.setdefault(name, value)
        if hasattr(self, "revision"):
            response.headers.setdefault("X-Revision", str(self.revision))
        if self.retirement:
            _add_headers(response, self.retirement.headers())
        return response

    def _handled_somewhere(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Handle it; where more is to be read than was foreseen, or a replica fails at it, once more."""
        try:
            return self._handled(request, **kwargs)
        except Elapsed:
            return self._handled(request, **kwargs)
        except (DatabaseError, InterfaceError, psycopg.Error):
            if not self.primary:
                raise
            log.warning("replica_failed", route=self.route, exc_info=True)
            replicas.rest()
            self.primary = None
            return self._handled(request, **kwargs)

    def _handled(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        method = (request.method or "").lower()
        if method not in self.http_method_names:
            raise method_not_allowed(self.http_method_names)
        response: HttpResponse = getattr(self, method)(request, **kwargs)
        return response

    def _close(self) -> None:
        """End the snapshot that was opened along with the admission, if nobody came to it."""
        if self.opened:
            try:
                close(self.opened)
            except (DatabaseError, InterfaceError):
                connection.close()

    def _log(self, response: HttpResponse) -> None:
        if self.admission.log_id is not None:
            completions.add(
                completions.Completion(
                    at=self.admission.log_at,
                    id=self.admission.log_id,
                    status=response.status_code,
                    milliseconds=(perf_counter() - self.started) * 1000,
                    bytes_sent=0 if self.request.method == "HEAD" else len(response.content),
                )
            )


def _add_headers(response: HttpResponse, headers: Mapping[str, str]) -> None:
    """Add headers; where one is there already (`Link`), to it."""
    for name, value in headers.items():
        before = response.headers.get(name)
        response.headers[name] = f"{before}, {value}" if before else value
