"""What the REST API says of a sending domain, and what it takes for a new one."""

from django.conf import settings
from rest_framework import serializers

from accounts.rest.serializers import StrictSerializer
from domains import keys, needs, rotation
from domains.models import Algorithm, Domain, KeyState, SigningKey
from domains.needs import Needs
from domains.records import Record
from domains.states import State, state_of

PENDING = "pending"  # not checked yet
# Domains on one page of the list; few accounts have a second one.
PAGE = 500


class SendingDomainQuery(StrictSerializer):
    """Which domains to list."""

    query = serializers.CharField(
        default="", allow_blank=True, max_length=253, help_text="A part of the name."
    )
    page = serializers.IntegerField(
        default=1, min_value=1, max_value=100_000, help_text=f"From 1; {PAGE} domains a page."
    )


class NewSendingDomain(StrictSerializer):
    """A domain to add."""

    domain = serializers.CharField(max_length=254, help_text="The domain of the From address.")
    mta_label = serializers.CharField(
        max_length=63, default="mta", help_text="Names the host of the envelope: mta.example.com."
    )


class SendingDomainFields(StrictSerializer):
    """What can be changed of a domain; what is left out stays as it is."""

    track_opens = serializers.BooleanField(
        required=False, allow_null=True, help_text="null: as the account has it."
    )
    track_clicks = serializers.BooleanField(
        required=False, allow_null=True, help_text="null: as the account has it."
    )


class RecordSchema(serializers.Serializer[object]):
    """A DNS record to publish, and what the last check saw of it."""

    type = serializers.CharField()
    name = serializers.CharField(help_text="In full, without a dot at its end.")
    relative_name = serializers.CharField(help_text="As most DNS panels want it.")
    value = serializers.CharField()
    purpose = serializers.CharField()
    required = serializers.BooleanField()  # type: ignore[assignment]
    state = serializers.ChoiceField(["pending", "verified", "missing", "wrong", "unreachable"])
    found = serializers.ListField(child=serializers.CharField())
    advice = serializers.CharField()


class Rotation(StrictSerializer):
    """Which key to replace."""

    algorithm = serializers.ChoiceField(Algorithm.choices, default=Algorithm.RSA)


class SigningKeySchema(serializers.Serializer[object]):
    """A signing key, and the record to publish for it."""

    selector = serializers.CharField()
    algorithm = serializers.ChoiceField(Algorithm.choices)
    state = serializers.ChoiceField(KeyState.choices)
    name = serializers.CharField(help_text="Of the record, in full.")
    relative_name = serializers.CharField(help_text="As most DNS panels want it.")
    type = serializers.CharField()
    value = serializers.CharField()
    advice = serializers.CharField(help_text="What to do, or to wait for; empty: nothing.")
    sightings = serializers.IntegerField(help_text="Looks in a row that found a next key's record.")
    looked_at = serializers.DateTimeField(allow_null=True)
    signs_from = serializers.DateTimeField(allow_null=True)
    signs_until = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class SendingDomainSchema(serializers.Serializer[object]):
    """A domain that mail is sent under."""

    id = serializers.RegexField(r"^[0-9a-f]{16}$")
    domain = serializers.CharField()
    mta_domain = serializers.CharField()
    dkim_selector = serializers.CharField()
    dkim_domain = serializers.CharField()
    dkim_public_record = serializers.CharField()
    required_cname = serializers.CharField()
    dkim_verified = serializers.BooleanField(allow_null=True)
    return_path_verified = serializers.BooleanField(allow_null=True)
    spf_verified = serializers.BooleanField(allow_null=True)
    verified = serializers.BooleanField(help_text="Mail may be sent under it.")
    state = serializers.ChoiceField(State.choices)
    verified_at = serializers.DateTimeField(allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    next_check_at = serializers.DateTimeField(help_text="When we look by ourselves.")
    broken_since = serializers.DateTimeField(
        allow_null=True, help_text="72 hours later a verified domain can no longer send."
    )
    created_at = serializers.DateTimeField()
    track_opens = serializers.BooleanField(allow_null=True)
    track_clicks = serializers.BooleanField(allow_null=True)
    records = RecordSchema(many=True)
    dkim_keys = SigningKeySchema(many=True)


def represent(domain: Domain) -> dict[str, object]:
    """Return a domain as the original service does (its ten fields), and what we add to them."""
    needed = needs.of(domain)
    return {
        "id": domain.public_id,
        "domain": domain.name,
        "mta_domain": domain.mta_domain,
        "dkim_selector": needed.selector if needed else "",
        "dkim_domain": needed.dkim_domain if needed else "",
        "dkim_public_record": keys.dkim_record(needed.public_key) if needed else "",
        "required_cname": settings.OPERATOR_HOST,
        "dkim_verified": domain.dkim_verified,
        "return_path_verified": domain.return_path_verified,
        "spf_verified": domain.spf_verified,
        "verified": domain.verified_at is not None,
        "state": state_of(domain),
        "verified_at": domain.verified_at,
        "checked_at": domain.checked_at,
        "next_check_at": domain.next_check_at,
        "broken_since": domain.broken_since,
        "created_at": domain.created_at,
        "track_opens": domain.track_opens,
        "track_clicks": domain.track_clicks,
        "records": [_record(domain, needed, one) for one in needed.records] if needed else [],
        "dkim_keys": [_key(one) for one in sorted(domain.signing_keys.all(), key=_age)],
    }


def _age(key: SigningKey) -> int:
    return key.pk


def _key(key: SigningKey) -> dict[str, object]:
    return {
        "selector": key.selector,
        "algorithm": key.algorithm,
        "state": key.state,
        "name": key.record_name,
        "relative_name": needs.relative(key.record_name, key.domain),
        "type": "TXT",
        "value": keys.dkim_record(key.public_key, key.algorithm),
        "advice": rotation.advice(key),
        "sightings": key.sightings,
        "looked_at": key.looked_at,
        "signs_from": key.signs_from,
        "signs_until": key.signs_until,
        "created_at": key.created_at,
    }


def _record(domain: Domain, needed: Needs, record: Record) -> dict[str, object]:
    # A finding about another name is one of a key that was replaced since.
    seen: dict[str, object] = next(
        (
            one
            for one in domain.findings
            if (one["name"], one["type"]) == (record.name, record.type)
        ),
        {},
    )
    return {
        "type": record.type,
        "name": record.name,
        "relative_name": needed.relative(record.name),
        "value": record.value,
        "purpose": record.purpose,
        "required": record.required,
        "state": seen.get("state", PENDING),
        "found": seen.get("found", []),
        "advice": seen.get("advice", ""),
    }
