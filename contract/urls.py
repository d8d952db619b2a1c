"""The routes of /v1."""

from django.urls import path, re_path

from contract.api import ChangeList, Health, NoSuchRoute, ProductDetail, ProductList, StockList

urlpatterns = [
    path("products", ProductList.as_view()),
    # A SKU may hold anything, slashes included.
    path("products/<path:sku>", ProductDetail.as_view()),
    path("stock", StockList.as_view()),
    path("changes", ChangeList.as_view()),
    path("health", Health.as_view()),
    re_path("", NoSuchRoute.as_view()),
]
