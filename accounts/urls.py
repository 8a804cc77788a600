"""Logging in and out, registering, the people of an organisation."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import people, views

app_name = "accounts"

urlpatterns = [
    path("login/", views.LogIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("register/", views.register, name="register"),
    path("people/", people.start, name="people-start"),
    path("people/<slug:slug>/", people.people, name="people"),
    path("people/<slug:slug>/members/<uuid:membership_id>/", people.change, name="member"),
    path(
        "people/<slug:slug>/invitations/<uuid:invitation_id>/",
        people.invitation_action,
        name="invitation-action",
    ),
    path("invitations/<str:token>/", people.invitation, name="invitation"),
]
