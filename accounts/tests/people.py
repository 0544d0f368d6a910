"""Alice, who owns a shop, Dave who may only look at it, and Bob of another account."""

import re

from django.urls import reverse

from accounts.models import Membership
from messages.tests.factories import PASSWORD, AccountFactory, UserFactory

Role = Membership.Role


class Shop:
    """Alice's account, and its members by their roles."""

    def __init__(self):
        self.account = AccountFactory(name="Alice's shop")
        self.alice = UserFactory(email="alice@alices.example", account=self.account)
        self.admin = self.joins("admin@alices.example", Role.ADMIN)
        self.developer = self.joins("developer@alices.example", Role.DEVELOPER)
        self.viewer = self.joins("dave@alices.example", Role.VIEWER)

    def joins(self, email, role):
        user = UserFactory(email=email)
        self.account.membership_set.create(user=user, role=role)
        return user

    def membership(self, user):
        return self.account.membership_set.get(user=user)


def is_sure(client):
    """Give the password once more, as pages that show or change a secret ask for."""
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})


def text_of(response):
    """What a reader sees: no tags, and single spaces."""
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def link_in(message):
    """The path of the link in a message."""
    return re.search(r"https?://[^/\s]+(/\S+)", message.body)[1]
