"""Logging in and out, registering, the people of an organisation."""

from __future__ import annotations

from allauth.account.views import login
from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.generic import RedirectView

from accounts import guest_pages, people, views

app_name = "accounts"

urlpatterns = [
    path("login/", login, name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("register/", views.register, name="register"),
    path("email/", views.EmailPage.as_view(), name="email"),
    # Where allauth's pages lead to register.
    path("signup/", RedirectView.as_view(pattern_name="accounts:register", query_string=True)),
    path("guest/", guest_pages.begin, name="guest"),
    path("guest/<str:token>/", guest_pages.claim, name="claim"),
    path("people/", people.start, name="people-start"),
    path("people/<slug:slug>/", people.people, name="people"),
    path("people/<slug:slug>/two-factor/", people.require_two_factor, name="two-factor"),
    path("people/<slug:slug>/members/<uuid:membership_id>/", people.change, name="member"),
    path(
        "people/<slug:slug>/invitations/<uuid:invitation_id>/",
        people.invitation_action,
        name="invitation-action",
    ),
    path("invitations/<str:token>/", people.invitation, name="invitation"),
]
