"""The routes of /v1."""

from django.urls import path, re_path

from contract.api import ChangeList, NoSuchRoute, ProductDetail, ProductList, StockList, health

urlpatterns = [
    path("products", ProductList.as_view()),
    # A SKU may hold anything, slashes included.
    path("products/<path:sku>", ProductDetail.as_view()),
    path("stock", StockList.as_view()),
    path("changes", ChangeList.as_view()),
    path("health", health),
    re_path("", NoSuchRoute.as_view()),
]
