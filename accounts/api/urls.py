"""The API's paths of accounts, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from accounts.api import views

urlpatterns = [
    path("auth/register", views.RegisterView.as_view(), name="register"),
    path("auth/token", views.TokenView.as_view(), name="token"),
    path("auth/guest", views.GuestView.as_view(), name="guest"),
    path("auth/logout", views.LogoutView.as_view(), name="logout"),
    path("me/", views.MeView.as_view(), name="me"),
]
