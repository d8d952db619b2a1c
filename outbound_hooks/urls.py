"""The routes of /v1/webhooks."""

from django.urls import path

from outbound_hooks import api

urlpatterns = [
    path("webhooks", api.Webhooks.as_view()),
    path("webhooks/<str:public_id>", api.WebhookDetail.as_view()),
    path("webhooks/<str:public_id>/ping", api.WebhookPing.as_view()),
    path("webhooks/<str:public_id>/rotate", api.WebhookRotate.as_view()),
    path("webhooks/<str:public_id>/enable", api.WebhookEnable.as_view()),
    path("webhooks/<str:public_id>/disable", api.WebhookDisable.as_view()),
    path("webhooks/<str:public_id>/deliveries", api.WebhookDeliveries.as_view()),
    path("webhooks/<str:public_id>/replay", api.WebhookReplay.as_view()),
]
