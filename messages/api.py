"""Send over REST: one message, a batch of them, and take back what has not left yet."""

from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.client_address import client_address
from accounts.database import UNAVAILABLE
from accounts.models import Scope
from accounts.rest.problems import Problem, escape, understand
from accounts.rest.views import MEBIBYTE, AccountView
from domains.addresses import excerpt
from messages import queue, rest_door, sender
from messages.api_lists import LIST_SCHEMA, MessageLists
from messages.idempotency import Claim
from messages.models import Message
from messages.once import document, once, problem_of
from messages.refusals import Cause, Refused
from messages.representations import errors_of, of_message, of_taken
from messages.rest_door import Taken, Turned
from messages.schemas import (
    IDEMPOTENCY_KEY,
    BatchResult,
    MessageOut,
    NewBatch,
    NewMessage,
    SentMessage,
)
from messages.sender import Sender

MAX_BATCH = 500

# What is wrong with a request as a whole, by the code that it is answered with. Not those over the
# rate: to write each of them down would cost more than to take it.
UNREAD = {
    "malformed_json": Cause.MALFORMED,
    "unsupported_media_type": Cause.MALFORMED,
    "invalid": Cause.MALFORMED,
    "too_big": Cause.TOO_BIG,
    "account_suspended": Cause.ACCOUNT_SUSPENDED,
    "scope_missing": Cause.SCOPE_MISSING,
    **{one.slug: one for one in (Cause.INVALID_KEY, Cause.KEY_IN_FLIGHT, Cause.KEY_REUSED)},
}
# Characters of a reason that are kept: it may quote a name of megabytes.
MAX_REASON = 998


class SubmissionView(AccountView):
    """An endpoint that takes messages: what is refused as a whole leaves a row as well."""

    body: Any  # of a POST, as its JSON says
    has_recorded = False  # what is wrong with the messages themselves

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            self.body = request.data

    def handle_exception(self, exc: Exception) -> Response:
        is_ours = isinstance(exc, APIException) and not self.has_recorded
        if self.request.method == "POST" and is_ours:
            try:
                self._record_whole(understand(exc))
            except UNAVAILABLE as error:
                exc = error
        return super().handle_exception(exc)

    def _record_whole(self, problem: Problem | None) -> None:
        if problem and problem.code in UNREAD:
            turned = Turned(UNREAD[problem.code], problem.text[:MAX_REASON], (), "", ())
            self.record([turned], sender.of(self.credential))

    def record(self, turned: list[Turned], who: Sender) -> None:
        """Keep what was not taken, and where it came from."""
        self.has_recorded = True
        rest_door.record(turned, who, client_address(self.request.META) or None)


class MessageList(SubmissionView, MessageLists):
    """All messages of an account, and the way to send one."""

    scopes = {"GET": Scope.READ, "POST": Scope.SEND}
    # A message of 10 MiB, and what JSON needs to escape it.
    max_body = 24 * MEBIBYTE

    @extend_schema(**LIST_SCHEMA)
    def get(self, request: Request, name: str) -> Response:
        """List messages, newest first."""
        return self.listed(request)

    @extend_schema(
        operation_id="send_message",
        tags=["Messages"],
        parameters=[IDEMPOTENCY_KEY],
        request=NewMessage,
        responses={202: SentMessage},
    )
    def post(self, request: Request, name: str) -> Response:
        """Send a message. 202 means that it is stored safely, and will be tried."""
        return once(request, self.account.pk, "messages", self._send)

    def _send(self, claim: Claim | None) -> Response:
        who = sender.of(self.credential)
        (result,) = rest_door.examine([self.body], who)
        if isinstance(result, Turned):
            self.record([result], who)
            raise problem(result)
        assert isinstance(self.body, dict)  # or it would have been turned away
        body = of_taken(result, self.body, rest_door.suppressed([result]))
        rest_door.submit([result], [(claim, {"status": 202, "body": body})] if claim else [])
        return Response(body, status=202)


class MessageBatch(SubmissionView):
    """Many messages in one request."""

    scopes = {"POST": Scope.SEND}
    max_body = 32 * MEBIBYTE

    @extend_schema(
        operation_id="send_batch",
        tags=["Messages"],
        parameters=[IDEMPOTENCY_KEY],
        request=NewBatch,
        responses={202: BatchResult},
    )
    def post(self, request: Request, name: str) -> Response:
        """Send up to 500 messages; what is wrong with one does not keep the others.

        The results stand in the order of the messages, each with its own status. 202: at least
        one was taken, and all that were are stored together. 422: none was. 429: none was, and
        all of them may come later.
        """
        return once(request, self.account.pk, "messages/batch", self._send)

    def _send(self, claim: Claim | None) -> Response:
        bodies = messages_in(self.body)
        who = sender.of(self.credential)
        results = rest_door.examine(bodies, who)
        turned = [one for one in results if isinstance(one, Turned)]
        taken = [one for one in results if isinstance(one, Taken)]
        self.record(turned, who)
        suppressed = rest_door.suppressed(taken)
        answer = {
            "results": [
                {"status": 202, **of_taken(one, body, suppressed)}
                if isinstance(one, Taken)
                else document(problem(one))
                for one, body in zip(results, bodies, strict=True)
            ]
        }
        if not taken:
            refusal = none_taken(turned)
            refusal.extension = answer
            raise refusal
        rest_door.submit(taken, [(claim, {"status": 202, "body": answer})] if claim else [])
        return Response(answer, status=202)


def messages_in(data: object) -> list[Any]:
    """Return the messages of a batch: an array, or an object that holds one."""
    bodies = data.get("messages") if isinstance(data, dict) else data
    if isinstance(data, dict) and (unknown := sorted(set(data) - {"messages"})):
        text = f"There is no field {excerpt(unknown[0])}"
        raise Problem(422, "invalid", text, f"/{escape(unknown[0])}")
    if not isinstance(bodies, list) or not bodies:
        raise Problem(422, "invalid", "messages must be an array of messages", "/messages")
    if len(bodies) > MAX_BATCH:
        raise Problem(422, "invalid", f"A batch holds {MAX_BATCH} messages at most", "/messages")
    return bodies


def none_taken(turned: list[Turned]) -> Problem:
    """Return why nothing of a batch was taken; where all of it may come later, what to wait for."""
    if all(one.cause.value.http == 429 for one in turned):
        return problem(turned[0])
    text = "None of the messages was taken; results says why"
    return problem_of(Refused(Cause.MALFORMED, text))


def problem(turned: Turned) -> Problem:
    """Return why a message was not taken, in the manner of REST."""
    return problem_of(Refused(turned.cause, turned.text), errors_of(turned))


class MessageCancel(AccountView):
    """The way back, as long as nobody is at work on a recipient."""

    scopes = {"POST": Scope.SEND}

    @extend_schema(
        operation_id="cancel_message",
        tags=["Messages"],
        request=None,
        responses={200: MessageOut},
    )
    def post(self, request: Request, name: str, message_id: UUID) -> Response:
        """Cancel every recipient that waits. 409: none did; they are settled, or being sent to."""
        message = Message.objects.filter(account=self.account, id=message_id).first()
        if message is None:
            raise Http404
        if not queue.cancel(self.account.pk, message.id):
            raise Problem(409, "nothing_to_cancel", "No recipient of this message waits any more")
        return Response(of_message(message))
