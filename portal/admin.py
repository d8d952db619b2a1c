"""Registers the pages that cross rooms; where a room has a plainer one, in its place."""

from django.contrib import admin
from django.contrib.auth import admin as _users  # noqa: F401 - registered first, replaced here
from django.contrib.auth.models import Group, User
from django_otp.plugins.otp_static import admin as _spares  # noqa: F401
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp import admin as _apps  # noqa: F401
from django_otp.plugins.otp_totp.models import TOTPDevice

from catalog_mirror.models import Product, QuarantinedRecord, Variant
from customers.models import (
    Application,
    Customer,
    CustomerTerms,
    VisibilityRule,
    VisibilityTemplate,
)
from portal.pages.applications import ApplicationAdmin
from portal.pages.customers import CustomerPages
from portal.pages.mirror import (
    DriftCorrectionPages,
    ProductPages,
    QuarantinePages,
    SweepRunPages,
    VariantPages,
)
from portal.pages.rules import (
    CustomerTermsPages,
    OrderMinimumPages,
    OrderRulePages,
    PriceRulePages,
    VisibilityRulePages,
)
from portal.pages.staff import GroupAdmin, StaffAdmin
from portal.pages.templates import VisibilityTemplateAdmin
from pricing.models import OrderMinimum, OrderRule, PriceRule
from sync.models import DriftCorrection, SweepRun

# Their pages would show the secrets of others.
admin.site.unregister([StaticDevice, TOTPDevice])
admin.site.unregister([User, Group, Customer, VisibilityRule, PriceRule, OrderRule])
admin.site.register(User, StaffAdmin)
admin.site.register(Group, GroupAdmin)
admin.site.register(Customer, CustomerPages)
admin.site.register(VisibilityRule, VisibilityRulePages)
admin.site.register(PriceRule, PriceRulePages)
admin.site.register(OrderRule, OrderRulePages)
for model, page in (
    (CustomerTerms, CustomerTermsPages),
    (OrderMinimum, OrderMinimumPages),
    (Product, ProductPages),
    (Variant, VariantPages),
    (QuarantinedRecord, QuarantinePages),
    (SweepRun, SweepRunPages),
    (DriftCorrection, DriftCorrectionPages),
):
    admin.site.unregister(model)
    admin.site.register(model, page)
admin.site.register(Application, ApplicationAdmin)
admin.site.register(VisibilityTemplate, VisibilityTemplateAdmin)
