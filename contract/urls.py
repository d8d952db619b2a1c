"""The routes of /v1."""

from django.urls import path, re_path

from contract.api import (
    BrandList,
    CategoryList,
    ChangeList,
    Health,
    Me,
    NoSuchRoute,
    Pricing,
    ProductDetail,
    ProductList,
    StockList,
)

urlpatterns = [
    path("products", ProductList.as_view()),
    # A SKU may hold anything, slashes included.
    path("products/<path:sku>", ProductDetail.as_view()),
    path("stock", StockList.as_view()),
    path("pricing", Pricing.as_view()),
    path("changes", ChangeList.as_view()),
    path("brands", BrandList.as_view()),
    path("categories", CategoryList.as_view()),
    path("me", Me.as_view()),
    path("health", Health.as_view()),
    re_path("", NoSuchRoute.as_view()),
]
