"""Asks a Magento shop: addresses, search criteria, and answers read as JSON."""

import email.utils
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from sync.http import Answer, Question, ShopAnswersNonsense, Turns, Wire
from sync.signing import FourKeys, bearer_header, oauth_header, query_of

Json = dict[str, Any]
Filter = tuple[str, str, str]  # field, condition, value
_OK, _NOT_FOUND = 200, 404
_CRITERIA = "searchCriteria"


class NoSuchThing(ShopAnswersNonsense):
    """The shop answers 404."""


class Client:
    def __init__(self, base_url: str, key: Mapping[str, str], *, store: str, turns: Turns) -> None:
        self.base_url, self.store = base_url, store
        self.wire = Wire(turns=turns)
        self.told_at: datetime | None = None  # the shop's own time, by the first answer since None
        self._key = dict(key)
        self._root = f"{base_url}/rest/{store}/V1"

    def read(self, path: str, **params: str | int) -> Any:
        """Read one address; raise `NoSuchThing` on 404, else `ShopError`."""
        url = f"{self._root}/{path}" + (f"?{query_of(params)}" if params else "")
        answer = self.wire.send("GET", lambda: Question(url, self._signed(url)))
        self.told_at = self.told_at or _date_of(answer)
        try:
            body = orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise self._nonsense(path) from error
        if answer.status == _NOT_FOUND and isinstance(body, dict) and "message" in body:
            said = str(body["message"])[:200]
            raise NoSuchThing(
                f"The shop has no {path[:100]}. {said} Look at its web API's modules, then try again."
            )
        if answer.status != _OK:
            said = str(body.get("message"))[:200] if isinstance(body, dict) else ""
            raise ShopAnswersNonsense(
                f"The shop answers {answer.status} for {path}. {said} Open its address in a browser and "
                "see whether it is Magento's."
            )
        return body

    def items(
        self,
        path: str,
        filters: Sequence[Filter],
        *,
        size: int,
        sort: str = "",
        page: int = 1,
        fields: str = "",
    ) -> list[Json]:
        """Return one page of a list; raise `NoSuchThing` on 404, else `ShopError`."""
        return self.page(path, filters, size=size, sort=sort, page=page, fields=fields)[0]

    def page(
        self,
        path: str,
        filters: Sequence[Filter],
        *,
        size: int,
        sort: str = "",
        page: int = 1,
        fields: str = "",
    ) -> tuple[list[Json], int]:
        """Return one page of a list and how many there are in all.

        Its size is always said, as some shops limit it. Behind the last page the last one comes again.
        """
        criteria: dict[str, str | int] = {
            f"{_CRITERIA}[pageSize]": size,
            f"{_CRITERIA}[currentPage]": page,
        }
        for number, (name, condition, value) in enumerate(filters):
            group = f"{_CRITERIA}[filterGroups][{number}][filters][0]"
            criteria[f"{group}[field]"] = name
            criteria[f"{group}[conditionType]"] = condition
            criteria[f"{group}[value]"] = value
        if sort:
            criteria[f"{_CRITERIA}[sortOrders][0][field]"] = sort
            criteria[f"{_CRITERIA}[sortOrders][0][direction]"] = "ASC"
        if fields:
            criteria["fields"] = f"items[{fields}],total_count"
        return self._items_of(path, self.read(path, **criteria))

    def _items_of(self, path: str, body: Any) -> tuple[list[Json], int]:
        total = body.get("total_count") if isinstance(body, dict) else None
        if not isinstance(total, int):
            raise self._nonsense(path)
        found = body.get("items") or []  # an empty list is null in some versions
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise self._nonsense(path)
        return found, total

    def _signed(self, url: str) -> dict[str, str]:
        if "token_secret" in self._key:
            return oauth_header(url, FourKeys(**self._key))
        return bearer_header(self._key["token"])

    def _nonsense(self, path: str) -> ShopAnswersNonsense:
        return ShopAnswersNonsense(
            f"The shop's answer for {path} is not what Magento sends. Open {self.base_url} in a browser: "
            "it may be in maintenance, or a plugin may write into its answers."
        )


def _date_of(answer: Answer) -> datetime | None:
    """Return the end of the second that an answer is dated by, None where it has no date."""
    try:
        told = email.utils.parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return None
    return told.replace(tzinfo=told.tzinfo or UTC) + timedelta(seconds=1)


def ends_early(path: str) -> ShopAnswersNonsense:
    return ShopAnswersNonsense(
        f"The shop's list {path} ends early: it says that it has more, and gives nothing. Try again."
    )
