"""How users come and prove who they are: what django-allauth asks us."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import render

from accounts import invitations, vault
from accounts.mail import NotSent

logger = logging.getLogger(__name__)


class Adapter(DefaultAccountAdapter):
    """Says who may sign up, and what the reader sees where a message cannot be sent."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.SIGN_UP_OPEN or invitations.stashed(request) is not None

    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        # Who came by the link of an invitation reads the mail of its address.
        invitation = invitations.stashed(request)
        return invitation is not None and invitation.email == email.lower()

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        try:
            super().send_mail(template_prefix, email, context)
        except NotSent as error:
            page = render(self.request, "account/not_sent.html", {"reason": error}, status=503)
            raise ImmediateHttpResponse(page) from error

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        # It only tells of what is done already, and nobody waits for it.
        try:
            super().send_notification_mail(*args, **kwargs)
        except ImmediateHttpResponse as error:
            logger.warning("A user was not told of a change: %s", error.__cause__)

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "No user has this address and password. Check both, and try "
        "again.",
        "too_many_login_attempts": "This address was tried too often. Wait five minutes, then try "
        "again.",
        "incorrect_password": "This is not your password. Try again.",
    }


class SecondFactors(DefaultMFAAdapter):
    """Keeps the keys of authenticator apps encrypted."""

    def encrypt(self, text: str) -> str:
        return vault.encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return vault.decrypt(encrypted_text.encode()).decode()

    def get_totp_issuer(self) -> str:
        return "CloudMTA"

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "This code is not good, or not any more. Give the one that the app "
        "shows now; the clock of the phone must be right."
    }
