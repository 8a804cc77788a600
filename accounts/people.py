"""Pages: who works for an organisation, inviting somebody, accepting."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import invitations, members, two_factor
from accounts.models import Organisation, Role
from accounts.tenancy import organisations_of

__all__ = [
    "change",
    "invitation",
    "invitation_action",
    "people",
    "require_two_factor",
    "start",
]


class InviteForm(forms.Form):
    """Whom, and as what."""

    email = forms.EmailField(
        label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(choices=[])

    def __init__(self, *args: Any, roles: list[Role], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["role"]
        choices.choices = [(role.value, role.label) for role in roles]
        if Role.BOX_OFFICE in roles:
            self.fields["role"].initial = Role.BOX_OFFICE


@require_safe
@login_required
def start(request: HttpRequest) -> HttpResponse:
    """Lead to the people of the visitor's organisation, the first of several."""
    own = organisations_of(request.user, role=Role.MANAGER).order_by("name").first()
    if own is None:
        raise PermissionDenied
    return redirect("accounts:people", own.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def people(request: HttpRequest, slug: str) -> HttpResponse:
    """Show who works here and who is invited; with an address, invite."""
    organisation = _own(request, slug)
    roles = invitations.may_give(request.user, organisation.pk)
    form = InviteForm(request.POST or None, roles=roles)
    if request.method == "POST" and form.is_valid() and _invite(request, organisation, form):
        return redirect("accounts:people", slug)
    several = organisations_of(request.user, role=Role.MANAGER).order_by("name")
    context = {
        "organisation": organisation,
        "organisations": list(several[:50]),
        "members": members.members_of(organisation),
        "invitations": invitations.open_invitations(organisation),
        "form": form,
        "roles": Role.choices,
        "is_owner": Role.OWNER in roles,
        "passwords_only": two_factor.without_two_factor(organisation),
        "now": timezone.now(),
    }
    status = 400 if form.errors else 200
    return render(request, "accounts/people.html", context, status=status)


def _own(request: HttpRequest, slug: str) -> Organisation:
    own = organisations_of(request.user, role=Role.MANAGER).filter(slug=slug).first()
    if own is None:
        raise Http404
    return own


def _invite(request: HttpRequest, organisation: Organisation, form: InviteForm) -> bool:
    wanted = form.cleaned_data
    try:
        invitations.invite(
            organisation_id=organisation.pk,
            email=wanted["email"],
            role=wanted["role"],
            actor=request.user,
            now=timezone.now(),
        )
    except (invitations.AlreadyMember, invitations.MayNotInvite) as error:
        form.add_error("email", error.__doc__ or "")
        return False
    messages.success(request, f"An invitation is on its way to {wanted['email']}.")
    return True


@require_POST
@login_required
def invitation_action(request: HttpRequest, slug: str, invitation_id: UUID) -> HttpResponse:
    """Send an invitation again, or withdraw it."""
    _own(request, slug)
    asked: dict[str, Any] = {
        "invitation_id": invitation_id,
        "actor": request.user,
        "now": timezone.now(),
    }
    try:
        if request.POST.get("do") == "revoke":
            invitations.revoke(**asked)
            messages.success(request, "The invitation was withdrawn.")
        else:
            sent = invitations.resend(**asked)
            messages.success(request, f"The invitation was sent again to {sent.email}.")
    except invitations.InvitationNotFound as error:
        messages.error(request, f"{error.__doc__} Nothing was changed.")
    return redirect("accounts:people", slug)


@require_POST
@login_required
def change(request: HttpRequest, slug: str, membership_id: UUID) -> HttpResponse:
    """Change a member's role, or take it away."""
    _own(request, slug)
    now, role = timezone.now(), request.POST.get("role", "")
    try:
        if request.POST.get("do") == "remove":
            members.remove_member(membership_id=membership_id, actor=request.user, now=now)
            messages.success(request, "The member was removed.")
        elif role in Role.values:
            changed = members.change_role(
                membership_id=membership_id, role=role, actor=request.user, now=now
            )
            messages.success(request, f"{changed.user} is now: {changed.get_role_display()}.")
    except (members.LastOwner, members.MemberNotFound) as error:
        messages.error(request, f"{error.__doc__} Nothing was changed.")
    still = organisations_of(request.user, role=Role.MANAGER).filter(slug=slug).exists()
    return redirect("accounts:people", slug) if still else redirect("sales:event-list")


@require_POST
@login_required
def require_two_factor(request: HttpRequest, slug: str) -> HttpResponse:
    """Require two-factor sign-in of the members, or no more."""
    organisation = _own(request, slug)
    on = request.POST.get("require") == "yes"
    try:
        two_factor.require(
            organisation_id=organisation.pk, on=on, actor=request.user, now=timezone.now()
        )
    except two_factor.SetItUpFirst as error:
        messages.error(request, error.__doc__ or "")
        return redirect("mfa_index")
    except Organisation.DoesNotExist:
        raise PermissionDenied from None
    return redirect("accounts:people", slug)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show what is offered; take it, with the account of the address it was sent to."""
    now = timezone.now()
    if request.method == "POST" and request.user.is_authenticated:
        try:
            taken = invitations.accept(token=token, user=request.user, now=now)
        except invitations.WrongAccount:
            return redirect("accounts:invitation", token)
        except invitations.InvitationNotFound:
            return render(request, "accounts/invitation_over.html", status=410)
        role = taken.get_role_display().lower()
        messages.success(request, f"Welcome to {taken.organisation.name}. Your role is: {role}.")
        return redirect("/door/" if taken.role == Role.SCANNER else "/organise/")
    try:
        found = invitations.read_link(token=token, now=now)
    except invitations.InvitationNotFound:
        return render(request, "accounts/invitation_over.html", status=410)
    context = {
        "invitation": found,
        "fits": request.user.is_authenticated and request.user.email == found.email,
        "here": request.path,
    }
    return render(request, "accounts/invitation.html", context)
