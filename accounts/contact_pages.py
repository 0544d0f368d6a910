"""Contact: what the account asked staff, what they answered, and the way to write."""

from django import forms
from django.contrib import messages as flash
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts import contact
from accounts.contact import MAX_TEXT, TooMuch
from accounts.frame import Chip
from accounts.models import Account, Thread, User
from accounts.views import account_required

PAGE = 50
CHIPS = {
    Thread.State.WAITING: Chip("waiting", "○", "waits for us"),
    Thread.State.ANSWERED: Chip("good", "✓", "answered"),
    Thread.State.CLOSED: Chip("off", "–", "closed"),
}


class ReplyForm(forms.Form):
    """Ask for one more entry of a thread."""

    text = forms.CharField(
        label="Your message", max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": 8})
    )


class QuestionForm(ReplyForm):
    """Ask for the beginning of a thread."""

    subject = forms.CharField(max_length=120, label="What it is about")
    field_order = ("subject", "text")


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def contact_page(request: HttpRequest, account: Account) -> HttpResponse:
    """List what was asked, and take a new question."""
    form = QuestionForm(request.POST or None)
    if form.is_valid():
        assert isinstance(request.user, User)
        try:
            data = form.cleaned_data
            thread = contact.ask(account, request.user, data["subject"], data["text"])
        except TooMuch as error:
            form.add_error(None, str(error))
        else:
            return _sent(request, thread)
    context = {"form": form, "max_text": MAX_TEXT} | _threads(request, account)
    return render(request, "accounts/contact.html", context)


def _threads(request: HttpRequest, account: Account) -> dict[str, object]:
    threads = account.threads.order_by("-id")
    before = request.GET.get("before", "")
    if before:
        if not (before.isascii() and before.isdigit() and len(before) < 19):
            raise Http404
        threads = threads.filter(id__lt=int(before))
    found = list(threads[: PAGE + 1])
    return {
        "threads": [(one, CHIPS[Thread.State(one.state)]) for one in found[:PAGE]],
        "newest": request.path if before else "",
        "older": f"?before={found[PAGE - 1].pk}" if len(found) > PAGE else "",
    }


def _sent(request: HttpRequest, thread: Thread) -> HttpResponse:
    flash.success(request, "Our staff have it. The answer stands here, and comes by mail.")
    return redirect("contact-thread", thread.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def contact_thread(request: HttpRequest, account: Account, number: int) -> HttpResponse:
    """Show a thread, and take another entry of the customer."""
    thread = get_object_or_404(Thread.objects.select_related("account"), account=account, pk=number)
    form = ReplyForm(request.POST or None)
    if form.is_valid():
        assert isinstance(request.user, User)
        try:
            contact.reply(thread, request.user, form.cleaned_data["text"])
        except TooMuch as error:
            form.add_error(None, str(error))
        else:
            return _sent(request, thread)
    context = {
        "thread": thread,
        "chip": CHIPS[Thread.State(thread.state)],
        "entries": thread.entries.order_by("id"),
        "form": form,
    }
    return render(request, "accounts/contact_thread.html", context)
