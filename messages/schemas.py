"""Describe what the REST API takes and says of messages, for its schema and for queries."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers

from accounts.message_class import BY_NAME
from accounts.rest.serializers import StrictSerializer
from messages.models import Door, State
from messages.refusals import Cause

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Makes a copy of this request within 24 hours get the same answer, and no more.",
)

Serializer = serializers.Serializer[Any]

RECIPIENT_STATES = [*State.values, "scheduled"]
TEXTS = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


@extend_schema_field(TEXTS)
class Texts(serializers.JSONField):
    """A string with commas, or an array of strings."""


@extend_schema_field({"type": "object", "additionalProperties": TEXTS})
class Headers(serializers.JSONField):
    """Names and values of header fields."""


class Text(serializers.CharField):
    """A string; null and "" are as good as none."""

    def __init__(self, help_text: str = "") -> None:
        super().__init__(required=False, allow_null=True, allow_blank=True, help_text=help_text)


class Flag(serializers.BooleanField):
    """true or false; null is as good as nothing."""

    def __init__(self, help_text: str = "") -> None:
        super().__init__(required=False, allow_null=True, help_text=help_text)


class AttachmentIn(StrictSerializer):
    """A file; a message has at most 100."""

    file_name = Text()
    content = serializers.CharField(allow_blank=True, help_text="Base64")
    content_type = serializers.CharField(
        allow_blank=True, help_text="Empty: what the end of file_name stands for."
    )
    content_id = Text("Makes it inline: cid:logo")


class NewMessage(StrictSerializer):
    """A message to be sent: from, to, and one of plain, html, markdown or raw."""

    to = Texts()
    cc = Texts(required=False, allow_null=True)
    bcc = Texts(required=False, allow_null=True)
    reply_to = Texts(required=False, allow_null=True)
    subject = Text()
    plain = Text()
    html = Text()
    markdown = Text()
    raw = Text("A whole message (RFC 5322) in place of these")
    headers = Headers(required=False, allow_null=True)
    priority = serializers.ChoiceField(list(BY_NAME), required=False, allow_null=True)
    tags = Texts(required=False, allow_null=True)
    metadata = serializers.DictField(required=False, allow_null=True)
    attachments = AttachmentIn(many=True, required=False, allow_null=True)
    test_mode = Flag()
    send_at = serializers.DateTimeField(required=False, allow_null=True)
    track_opens = Flag()
    track_clicks = Flag()
    unsubscribe = Flag("Offer to unsubscribe by one click; only of a digest")

    def get_fields(self) -> dict[str, Any]:
        # "from" is a word of Python's own.
        return {"from": serializers.CharField(), **super().get_fields()}


class NewBatch(StrictSerializer):
    """Up to 500 messages."""

    messages = NewMessage(many=True)


class _WithFrom(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.CharField(), **super().get_fields()}


class SentMessage(_WithFrom):
    """A message that was taken."""

    id = serializers.UUIDField()
    to = serializers.ListField(child=serializers.CharField())
    cc = serializers.ListField(child=serializers.CharField())
    subject = serializers.CharField(allow_blank=True)
    test_mode = serializers.BooleanField()
    tags = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(["queued", "scheduled", "test"])
    recipients = serializers.DictField(child=serializers.ChoiceField(["queued", "suppressed"]))
    metadata = serializers.DictField()
    message_id_header = serializers.CharField()
    send_at = serializers.DateTimeField(allow_null=True)


class BatchResult(Serializer):
    results = serializers.ListField(child=serializers.DictField())


class RecipientOut(Serializer):
    address = serializers.CharField()
    state = serializers.ChoiceField(RECIPIENT_STATES)
    attempt_count = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    settled_at = serializers.DateTimeField(allow_null=True)
    reply = serializers.CharField(allow_blank=True)


class PhaseOut(Serializer):
    phase = serializers.CharField()
    seconds = serializers.FloatField()


class AttemptOut(Serializer):
    number = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    seconds = serializers.FloatField()
    exchanger = serializers.CharField(allow_blank=True)
    address = serializers.CharField(allow_null=True)
    tls = serializers.CharField(allow_blank=True)
    tls_verified = serializers.BooleanField()
    reply = serializers.CharField(allow_blank=True)
    dialogue = serializers.CharField(allow_blank=True)
    phases = PhaseOut(many=True)


class MessageOut(_WithFrom):
    id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    reverse_path = serializers.CharField()
    sender_domain = serializers.CharField()
    subject = serializers.CharField(allow_blank=True)
    message_id_header = serializers.CharField(allow_blank=True)
    priority = serializers.ChoiceField(list(BY_NAME))
    tags = serializers.ListField(child=serializers.CharField())
    metadata = serializers.DictField()
    test_mode = serializers.BooleanField()
    send_at = serializers.DateTimeField(allow_null=True)
    size = serializers.IntegerField(help_text="Octets as submitted")
    door = serializers.ChoiceField(Door.values)
    spam_score = serializers.FloatField()
    recipients: Any = RecipientOut(many=True)


class RecipientDetailOut(RecipientOut):
    attempts = AttemptOut(many=True)


class EventOut(Serializer):
    id = serializers.UUIDField()
    timestamp = serializers.DateTimeField()
    kind = serializers.CharField()
    recipient = serializers.CharField()
    details = serializers.DictField()


class MessageDetailOut(MessageOut):
    spam_rules = serializers.ListField(child=serializers.CharField())
    recipients = RecipientDetailOut(many=True)
    events = EventOut(many=True)


class RefusalOut(_WithFrom):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    credential = serializers.CharField(allow_null=True)
    door = serializers.ChoiceField(["smtp", "rest"])
    client_address = serializers.CharField(allow_null=True)
    recipients = serializers.ListField(child=serializers.CharField())
    cause = serializers.CharField(allow_blank=True)
    reply = serializers.CharField()


class PageOut(Serializer):
    object = serializers.ChoiceField(["list"])
    has_more = serializers.BooleanField()
    next_cursor = serializers.CharField(allow_null=True)


class MessagePage(PageOut):
    data: Any = MessageOut(many=True)


class RefusalPage(PageOut):
    data: Any = RefusalOut(many=True)


class PageQuery(StrictSerializer):
    limit = serializers.CharField(required=False, help_text="1 to 100; 25 if left out.")
    after = serializers.CharField(required=False, help_text="The next_cursor of the page before.")
    before = serializers.CharField(required=False)


class MessageQuery(PageQuery):
    """Which messages to list.

    All but `since`, `until` and a message's id are looked for in the newest 10,000 messages of
    that time; older ones are found with an earlier `until`.
    """

    query = serializers.CharField(
        required=False,
        max_length=200,
        help_text="An id, a Message-ID, a recipient, or words of the subject.",
    )
    state = serializers.ChoiceField(State.choices, required=False)
    recipient = serializers.CharField(required=False, max_length=320)
    tag = serializers.CharField(required=False, max_length=64)
    priority = serializers.ChoiceField(list(BY_NAME), required=False)
    domain = serializers.CharField(required=False, max_length=253, help_text="Of the sender.")
    test_mode = serializers.BooleanField(required=False, allow_null=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)


class OutboundQuery(PageQuery):
    """Which messages to list, in the words of the original."""

    outbound_account_id = serializers.CharField(
        required=False, max_length=16, help_text="The user name of a credential."
    )
    query = serializers.CharField(required=False, max_length=200, allow_blank=True)


class RefusalQuery(PageQuery):
    cause = serializers.ChoiceField([cause.slug for cause in Cause], required=False)
