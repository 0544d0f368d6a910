"""Send over REST: one message, a batch of them, and take back what has not left yet."""

from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Scope
from accounts.rest.problems import Problem
from accounts.rest.views import MEBIBYTE, AccountView
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

MAX_BATCH = 500


class MessageList(MessageLists):
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
        return once(request, self.account.pk, "messages", lambda claim: self._send(request, claim))

    def _send(self, request: Request, claim: Claim | None) -> Response:
        who = sender.of(self.credential)
        (result,) = rest_door.examine([request.data], who)
        if isinstance(result, Turned):
            rest_door.record([result], who, request.META.get("REMOTE_ADDR") or None)
            raise problem(result)
        assert isinstance(request.data, dict)  # or it would have been turned away
        body = of_taken(result, request.data, rest_door.suppressed([result]))
        rest_door.submit([result], [(claim, {"status": 202, "body": body})] if claim else [])
        return Response(body, status=202)


class MessageBatch(AccountView):
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
        one was taken, and all that were are stored together. 422: none was.
        """
        return once(
            request, self.account.pk, "messages/batch", lambda claim: self._send(request, claim)
        )

    def _send(self, request: Request, claim: Claim | None) -> Response:
        bodies = messages_in(request.data)
        who = sender.of(self.credential)
        results = rest_door.examine(bodies, who)
        turned = [one for one in results if isinstance(one, Turned)]
        taken = [one for one in results if isinstance(one, Taken)]
        rest_door.record(turned, who, request.META.get("REMOTE_ADDR") or None)
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
            text = "None of the messages was taken; results says why"
            refusal = problem_of(Refused(Cause.MALFORMED, text))
            refusal.extension = answer
            raise refusal
        rest_door.submit(taken, [(claim, {"status": 202, "body": answer})] if claim else [])
        return Response(answer, status=202)


def messages_in(data: object) -> list[Any]:
    """Return the messages of a batch: an array, or an object that holds one."""
    bodies = data.get("messages") if isinstance(data, dict) else data
    if isinstance(data, dict) and (unknown := sorted(set(data) - {"messages"})):
        raise Problem(422, "invalid", f"There is no field {unknown[0]!a}", f"/{unknown[0]}")
    if not isinstance(bodies, list) or not bodies:
        raise Problem(422, "invalid", "messages must be an array of messages", "/messages")
    if len(bodies) > MAX_BATCH:
        raise Problem(422, "invalid", f"A batch holds {MAX_BATCH} messages at most", "/messages")
    return bodies


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
