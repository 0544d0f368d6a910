"""What a member can do to a message: take back what has not left, send it again, forget it."""

from uuid import UUID

from django import forms
from django.contrib import messages as flash
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import audit
from accounts.models import Account, Membership
from accounts.views import account_required
from messages import queue, resending, retention, sender
from messages.message_page import find, suppressed
from messages.models import Content, Message, Recipient
from messages.refusals import Refused

DEVELOPER = Membership.Role.DEVELOPER


@require_http_methods(["GET", "HEAD", "POST"])
@account_required(role=DEVELOPER)
def cancel(request: HttpRequest, account: Account, message_id: UUID) -> HttpResponse:
    """Take back every recipient that waits, after asking once."""
    message = find(account, message_id)
    if request.method != "POST":
        return render(request, "confirm.html", {
            "question": f"Cancel {_name(message)}?",
            "consequence": "Whoever it was not sent to yet does not get it. What has been "
            "delivered, or is being sent at this moment, cannot be taken back.",
            "act": "Cancel what waits",
            "back": reverse("message-detail", args=[message.id]),
        })  # fmt: skip
    with transaction.atomic():
        count = queue.cancel(account.pk, message.id)
        if count:
            audit.record(request, f"cancelled {count} recipients of the message", message.id)
    if count:
        flash.success(request, f"Cancelled for {count} recipient{'' if count == 1 else 's'}.")
    else:
        flash.warning(request, "Nothing was cancelled: no recipient waits any more.")
    return redirect("message-detail", message.id)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required(role=Membership.Role.ADMIN)
def forget(request: HttpRequest, account: Account, message_id: UUID) -> HttpResponse:
    """Delete what one message holds, after asking once: somebody may have a right to that."""
    message = find(account, message_id)
    if request.method != "POST":
        return render(request, "confirm.html", {
            "question": f"Delete what {_name(message)} holds?",
            "consequence": "Text, header and attachments are gone for good, and so are reports "
            "that brought them home: nobody can look at them or send them again. The subject, who "
            "it went to and its timeline stay.",
            "act": "Delete the content",
            "back": reverse("message-detail", args=[message.id]),
        })  # fmt: skip
    with transaction.atomic():
        is_gone = retention.forget_content(message)
        if is_gone:
            audit.record(request, "deleted the content of the message", message.id)
    if is_gone:
        flash.success(request, "The content is deleted.")
    else:
        flash.warning(
            request, "Nothing was deleted: it is gone, or a recipient still waits for it."
        )
    return redirect("message-detail", message.id)


def _name(message: Message) -> str:
    return f"“{message.subject[:80]}”" if message.subject else "this message"


class ResendForm(forms.Form):
    """Ask to whom a message is sent again."""

    recipients = forms.ModelMultipleChoiceField(
        Recipient.objects.none(), label="Send it again to",
        widget=forms.CheckboxSelectMultiple({"class": "form-check-input"}),
        error_messages={"required": "Choose one recipient at least."},
    )  # fmt: skip

    def __init__(self, message: Message, data: QueryDict | None) -> None:
        super().__init__(data)
        recipients = message.recipients.order_by("id")
        self.suppressed = suppressed(message, recipients)
        free = recipients.exclude(address__in=self.suppressed)
        field = self.fields["recipients"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = free
        self.has_choice = free.exists()


@require_http_methods(["GET", "HEAD", "POST"])
@account_required(role=DEVELOPER)
def resend(request: HttpRequest, account: Account, message_id: UUID) -> HttpResponse:
    """Send a message again, as a new one, to the recipients that are chosen."""
    message = find(account, message_id)
    content = Content.objects.filter(message=message).first()
    form = ResendForm(message, request.POST if request.method == "POST" else None)
    if content and form.is_valid():
        chosen = list(form.cleaned_data["recipients"])
        try:
            with transaction.atomic():
                who = sender.of_account(account)
                accepted = resending.resend(message, bytes(content.data), chosen, who)
                audit.record(request, "sent again, as another message,", message.id)
        except Refused as refused:
            form.add_error(None, f"It was not taken: {refused.reply.text}.")
        else:
            flash.success(request, "This is the new message. It goes out now.")
            return redirect("message-detail", accepted.id)
    context = {
        "message": message, "form": form, "has_content": content is not None,
        "keeps_days": account.content_days,
    }  # fmt: skip
    status = 422 if form.is_bound else 200
    return render(request, "messages/resend.html", context, status=status)
