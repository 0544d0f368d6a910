"""Questions of customers in the admin: who waits longest comes first; each is answered there."""

from typing import Any

from django import forms
from django.contrib import messages as flash
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from accounts import contact
from accounts.contact import MAX_TEXT, Overtaken
from accounts.models import Thread, User
from accounts.staff_pages import ReadOnlyAdmin, StateFilter


class AnswerForm(forms.Form):
    """Ask what to say, and remember up to where the thread was read."""

    text = forms.CharField(
        label="Your answer",
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 10, "class": "vLargeTextField"}),
        help_text="It stands on the customer's page, and is sent by mail.",
    )
    seen = forms.IntegerField(widget=forms.HiddenInput)


class ThreadState(StateFilter):
    states = Thread.State
    first = Thread.State.WAITING


class ThreadAdmin(ReadOnlyAdmin):
    """All threads; by itself it lists those that wait for staff."""

    change_form_template = "admin/contact/thread.html"
    ordering = ("last_at",)
    list_filter = (ThreadState,)
    list_select_related = ("account",)
    list_display = ("subject", "account", "state", "last_at", "created_at")

    def may_answer(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_thread")

    def get_urls(self) -> list[URLPattern]:
        answer = self.admin_site.admin_view(self.answer)
        return [
            path("<int:pk>/answer/", answer, name="accounts_thread_answer"),
            *super().get_urls(),
        ]

    def facts(self, request: HttpRequest, row: Thread) -> dict[str, Any]:
        entries = list(row.entries.order_by("id"))
        initial = {"seen": entries[-1].pk if entries else 0}
        form = AnswerForm(initial=initial) if self.may_answer(request) else None
        return {"row": row, "entries": entries, "form": form, "title": "A question"}

    def answer(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer, close, or both; not before everything that the customer wrote was shown."""
        thread = Thread.objects.select_related("account").filter(pk=pk).first()
        if thread is None:
            raise Http404
        if not self.may_answer(request):
            raise PermissionDenied
        form = AnswerForm(request.POST or None)
        closes_only = "close" in request.POST
        form.fields["text"].required = not closes_only
        if not form.is_valid():
            return self._again(request, thread, form)
        try:
            if closes_only:
                contact.close(thread, seen=form.cleaned_data["seen"])
                self.log_change(request, thread, "Closed")
            else:
                self._answer(request, thread, form)
        except Overtaken:
            flash.warning(request, "The customer wrote meanwhile: read it, then answer.")
            return self._again(request, thread, self._unsent(thread, form))
        return redirect("admin:accounts_thread_changelist")

    def _answer(self, request: HttpRequest, thread: Thread, form: AnswerForm) -> None:
        assert isinstance(request.user, User)
        text, closes = form.cleaned_data["text"], "answer_and_close" in request.POST
        contact.answer(thread, request.user, text, seen=form.cleaned_data["seen"], closes=closes)
        self.log_change(request, thread, "Answered and closed" if closes else "Answered")
        if contact.tell_customer(thread, text):
            flash.success(request, f"“{thread}” is answered.")
        else:
            flash.warning(
                request,
                f"The answer to “{thread}” stands on the customer's page, but no mail could be"
                " sent: see the log.",
            )

    def _unsent(self, thread: Thread, form: AnswerForm) -> AnswerForm:
        """Return the form with what was typed, as it would be sent after all was read."""
        last = thread.entries.order_by("-id").first()
        typed = {"text": form.cleaned_data["text"], "seen": last.pk if last else 0}
        return AnswerForm(initial=typed)

    def _again(self, request: HttpRequest, thread: Thread, form: AnswerForm) -> HttpResponse:
        context = self.admin_site.each_context(request) | {"opts": self.opts, "original": thread}
        context |= self.facts(request, thread) | {"form": form}
        return TemplateResponse(request, self.change_form_template, context)
