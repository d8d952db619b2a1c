"""The shop's own page: find a product and change it, as staff would in the shop's admin."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from django.template import Context, Engine

from demo.catalogue.records import Product
from demo.shops import Shop
from demo.storefront.drawings import drawing
from demo.storefront.edits import EditRefusedError
from demo.storefront.http import Request, Response
from demo.storefront.shown import HOME
from demo.storefront.store import Store

ROWS = 25
LOCAL = {"127.0.0.1", "localhost", "::1"}
TEMPLATES: Final = Engine(dirs=[str(Path(__file__).parent.parent / "templates" / "demo")])
# What a form may ask for: the edit, the names of its id and value, what is always sent along.
FORMS: Final[Mapping[str, tuple[str, str, str, dict[str, Any]]]] = {
    "price": ("edit_price", "product_id", "price", {}),
    "sku": ("rename_sku", "product_id", "sku", {}),
    "sell": ("sell", "product_id", "", {"quantity": 1}),
    "hide": ("set_status", "product_id", "", {"status": "private"}),
    "show": ("set_status", "product_id", "", {"status": "publish"}),
    "trash": ("trash", "product_id", "", {}),
    "untrash": ("untrash", "product_id", "", {}),
    "category": ("rename_category", "category_id", "name", {}),
}
FILTERS: Final = {
    "all": "All",
    "hidden": "Hidden",
    "trash": "In the trash",
    "odd": "Odd on purpose",
}

LABELS: Final = {
    "publish": "Published",
    "private": "Hidden",
    "trash": "In the trash",
    "future": "Scheduled",
    "instock": "In stock",
    "outofstock": "Out of stock",
    "onbackorder": "On backorder",
}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    product: Product
    name: str
    sku: str
    image: str
    price: str
    quantity: int | None
    stock: str
    modified: str

    @property
    def stock_label(self) -> str:
        return LABELS.get(self.stock, self.stock)

    @property
    def status_label(self) -> str:
        return LABELS.get(self.product.status, self.product.status.capitalize())

    @property
    def has_price(self) -> bool:
        return self.product.type not in {"variable", "grouped"}

    @property
    def can_sell(self) -> bool:
        return self.has_price and self.product.status == "publish"


class Page:
    def __init__(self, shop: Shop, store: Store, edit: Callable[..., None]) -> None:
        self._shop = shop
        self._store = store
        self._edit = edit

    def answer(self, request: Request) -> Response:
        """Answer anything outside REST."""
        if urlsplit(request.base).hostname not in LOCAL:
            return _plain(403, "This demo answers on this machine only.")
        if request.path.startswith("/wp-content/uploads/"):
            return drawing(request.path.rpartition("/")[2])
        if request.path.startswith("/product/"):
            return self._permalink(request)
        if request.path not in {"/", "/categories"}:
            return _plain(404, "There is no such page.")
        if request.method == "POST":
            return self._change(request)
        return self._show(request)

    def _change(self, request: Request) -> Response:
        """Apply a form and go back to where it was; only the shop's own page may post."""
        if request.origin != request.base:
            return _plain(403, "Change this shop from its own page.")
        form = request.form
        if form.get("edit") not in FORMS or not form.get("id", "").isdigit():
            return _plain(400, "That form is not one of this page's.")
        name, target, value_name, details = FORMS[form["edit"]]
        value = {value_name: form.get("value", "").strip()} if value_name else {}
        try:
            self._edit(name, **{target: int(form["id"])}, **value, **details)
        except EditRefusedError as refusal:
            return self._show(request, refused=str(refusal))
        back = {k: form.get(k, "") for k in ("q", "show", "page")} | {"done": form["id"]}
        return Response(
            status=303, headers={"Location": f"{request.path}?{urlencode(back)}#p{form['id']}"}
        )

    def _show(self, request: Request, refused: str = "") -> Response:
        asked = request.form or {k: v for k, v in request.params.items() if isinstance(v, str)}
        template = "categories.html" if request.path == "/categories" else "shop.html"
        context = {
            "shop": self._shop,
            "refused": refused,
            "done": asked.get("done", ""),
            "q": asked.get("q", ""),
            "filters": FILTERS,
            "filter": asked.get("show", "") or "all",
            **(self._tree() if template == "categories.html" else self._table(asked)),
        }
        html = str(TEMPLATES.get_template(template).render(Context(context)))
        status = HTTPStatus.CONFLICT if refused else HTTPStatus.OK
        return Response(html.encode(), status=status, type="text/html; charset=UTF-8")

    def _table(self, asked: Mapping[str, str]) -> dict[str, Any]:
        records = self._matching(asked.get("q", ""), asked.get("show", ""))
        pages = max(1, -(-len(records) // ROWS))
        page = min(int(asked["page"]), pages) if asked.get("page", "").isdigit() else 1
        page = max(page, 1)
        shown = records[(page - 1) * ROWS : page * ROWS]
        return {
            "rows": [self._row(record) for record in shown],
            "total": len(records),
            "page": page,
            "pages": pages,
            "sellable": self._store.catalogue.sellable(),
        }

    def _tree(self) -> dict[str, Any]:
        counts = self._store.term_counts()
        categories = self._store.catalogue.categories
        rows = [
            {"term": term, "count": counts[term.id], "parent": categories.get(term.parent_id)}
            for term in sorted(categories.values(), key=lambda t: t.name.casefold())
        ]
        return {"categories": rows}

    def _matching(self, text: str, show: str) -> list[Product]:
        words = text.casefold().split()
        odd = set(self._store.catalogue.odd.values())
        wanted: dict[str, Callable[[Product], bool]] = {
            "hidden": lambda p: p.status == "private",
            "trash": lambda p: p.status == "trash",
            "odd": lambda p: p.id in odd,
            "all": lambda p: p.status != "trash",
        }
        test = wanted.get(show, wanted["all"])
        records = self._store.catalogue.products.values()
        found = [p for p in records if test(p) and all(w in self._text(p) for w in words)]
        # What is odd on purpose has a tab of its own and comes last elsewhere.
        return found if show == "odd" else sorted(found, key=lambda p: p.id in odd)

    def _text(self, product: Product) -> str:
        parent = self._store.catalogue.products.get(product.parent_id)
        return f"{product.sku} {product.name} {parent.name if parent else ''}".casefold()

    def _row(self, product: Product) -> Row:
        bodies = self._store.bodies
        body = bodies.product(product)
        images = body["images"]
        return Row(
            product=product,
            name=body["name"],
            sku=body["sku"],
            image=images[0]["src"].removeprefix(HOME) if images else "",
            price=body["price"],
            quantity=body["stock_quantity"],
            stock=body["stock_status"],
            modified=(body["date_modified"] or "").replace("T", " "),
        )

    def _permalink(self, request: Request) -> Response:
        """Lead a product's address to its line in the table."""
        slug = request.path.removeprefix("/product/").strip("/")
        for product in self._store.catalogue.products.values():
            if product.slug == slug:
                return Response(
                    status=302, headers={"Location": f"/?q={quote(product.sku or product.name)}"}
                )
        return _plain(404, "There is no such product.")


def _plain(status: int, text: str) -> Response:
    return Response(text.encode(), status=status, type="text/plain; charset=UTF-8")
