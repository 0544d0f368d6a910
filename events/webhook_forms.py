"""What the pages of webhooks ask: where to post what, what to try, and what to post again."""

from typing import Any
from uuid import UUID

from django import forms

from events import webhooks
from events.models import Kind, Webhook
from events.reading import Filter
from events.webhooks import UrlRefused

KINDS = [(kind.value, kind.value.replace("_", " ")) for kind in Kind]


class WebhookForm(forms.Form):
    """Where to post, and which kinds of events."""

    url = forms.CharField(
        label="URL", max_length=webhooks.MAX_URL, strip=True,
        widget=forms.TextInput(attrs={"type": "url", "placeholder": "https://"}),
        help_text="It may hold a user name and a password; the password is not shown again.",
    )  # fmt: skip
    kinds = forms.MultipleChoiceField(
        choices=KINDS, required=False,
        widget=forms.CheckboxSelectMultiple({"class": "form-check-input"}),
        label="Kinds of events", help_text="None chosen: all of them.",
    )  # fmt: skip

    def __init__(self, data: Any = None, webhook: Webhook | None = None) -> None:
        self._shown = webhooks.shown(webhook.url) if webhook else ""
        initial = {"url": self._shown, "kinds": webhook.kinds} if webhook else {}
        super().__init__(data, initial=initial)

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if self._shown and url == self._shown:
            return url  # as it was, its password hidden
        try:
            webhooks.check_url(url)
        except UrlRefused as refusal:
            raise forms.ValidationError(f"{refusal}.") from None
        return url

    @property
    def changes(self) -> dict[str, Any]:
        """What is to be changed: a URL only where another one was written."""
        given = dict(self.cleaned_data)
        if given["url"] == self._shown:
            del given["url"]
        return given


class TrialForm(forms.Form):
    """Which kind of sample to post."""

    kind = forms.ChoiceField(choices=KINDS, initial=Kind.DELIVERY, label="Kind of the sample")


class When(forms.DateTimeField):
    """A moment by the reader's clock, or in ISO 8601 with its zone."""

    def __init__(self, label: str) -> None:
        widget = forms.DateTimeInput(
            format="%Y-%m-%dT%H:%M:%S", attrs={"type": "datetime-local", "step": "1"}
        )
        super().__init__(label=label, required=False, widget=widget)


class ReplayForm(forms.Form):
    """Which events to post again; all that is filled in must hold."""

    since = When("From")
    until = When("Until")
    kinds = forms.MultipleChoiceField(
        choices=KINDS, required=False,
        widget=forms.CheckboxSelectMultiple({"class": "form-check-input"}),
        label="Kinds of events", help_text="None chosen: those of the webhook.",
    )  # fmt: skip
    recipient = forms.CharField(required=False, max_length=1000, label="Recipient")
    message_id = forms.UUIDField(required=False, label="Id of the message")
    tag = forms.CharField(required=False, max_length=200, label="Tag")

    def clean(self) -> None:
        given = self.cleaned_data
        if not (given.get("since") or given.get("message_id")) and not self.errors:
            self.add_error("since", "Say from when on, or give the id of a message.")
        since, until = given.get("since"), given.get("until")
        if since and until and since >= until:
            self.add_error("until", "The time must begin before it ends.")

    @property
    def wanted(self) -> Filter:
        given = self.cleaned_data
        message_id: UUID | None = given["message_id"]
        return Filter(
            kinds=given["kinds"], recipient=given["recipient"], message_id=message_id,
            tag=given["tag"], since=given["since"], until=given["until"],
        )  # fmt: skip
