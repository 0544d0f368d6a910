"""How pages show a domain: its state as a chip and a sentence, its records with what was found."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.domain_names import to_unicode
from accounts.frame import Chip
from domains import aliases, dmarc, keys, needs, rotation
from domains.checks import MISSING, UNREACHABLE, VERIFIED, WRONG
from domains.dmarc import Merged
from domains.models import Domain, KeyState, SigningKey
from domains.needs import Needs
from domains.providers import Provider, provider_of
from domains.records import Record
from domains.states import GRACE, State, state_of
from domains.zone_file import strings_of

# How long the button rests after a check: DNS does not change faster.
COOLDOWN = timedelta(seconds=10)
# A value beyond this is cut by some panels (RFC 1035 §3.3).
LONG = 255

CHIPS = {
    State.NOT_STARTED: Chip("off", "○", "not checked yet"),
    State.PENDING: Chip("waiting", "◔", "waiting for records"),
    State.PARTIALLY_VERIFIED: Chip("waiting", "◑", "partially verified"),
    State.VERIFIED: Chip("good", "✓", "verified"),
    State.TEMPORARY_FAILURE: Chip("wrong", "!", "records broken"),
    State.FAILED: Chip("wrong", "✕", "not verified"),
}
RECORD_CHIPS = {
    VERIFIED: Chip("good", "✓", "found"),
    MISSING: Chip("waiting", "○", "not found"),
    WRONG: Chip("wrong", "✕", "wrong"),
    UNREACHABLE: Chip("waiting", "?", "no answer"),
}
KEY_CHIPS = {
    KeyState.NEXT: Chip("waiting", "○", "waits for its record"),
    KeyState.ACTIVE: Chip("good", "✓", "signs"),
    KeyState.OLD: Chip("off", "◑", "being replaced"),
    KeyState.RETIRED: Chip("off", "✕", "retired"),
}
NOT_CHECKED = Chip("off", "○", "not checked yet")
RECOMMENDED = Chip("off", "○", "recommended")


@dataclass(frozen=True, slots=True)
class Row:
    """A record to publish, and what was found of it."""

    record: Record
    relative_name: str
    chip: Chip
    state: str
    found: tuple[str, ...]
    advice: str
    strings: str  # the value in pieces, where it is long

    @property
    def is_same(self) -> bool:
        """Say whether what was found is to the letter what we ask for."""
        return self.found == (self.record.value,)


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A signing key, and the record of it."""

    key: SigningKey
    chip: Chip
    relative_name: str
    value: str
    advice: str


@dataclass(frozen=True, slots=True)
class Shown:
    """All that a page says of a domain."""

    domain: Domain
    unicode_name: str  # "" where it is the same
    state: State
    chip: Chip
    sentence: str
    grace_ends: datetime | None
    zone: str
    rows: tuple[Row, ...]
    aliases: tuple[Row, ...]  # in place of the key's record; none: not offered
    provider: Provider | None
    merged: Merged | None  # the policy to have, where there is one

    @property
    def rests_until(self) -> datetime | None:
        """Until when the button rests; None: it can be pressed."""
        checked = self.domain.checked_at
        return checked + COOLDOWN if checked and timezone.now() < checked + COOLDOWN else None

    @property
    def mark(self) -> str:
        """What changes whenever there is something new to see."""
        checked = self.domain.checked_at
        resting = "rests" if self.rests_until else ""
        return f"{checked.timestamp() if checked else ''}{self.domain.zone}{resting}"


def show(domain: Domain) -> Shown:
    """Gather what a page says of a domain, from what the last check saw; asks nobody."""
    needed = needs.of(domain)
    rows = rows_of(domain, needed) if needed else ()
    state = state_of(domain)
    policy = rows[-1] if rows else None
    is_there = policy is not None and policy.state in (VERIFIED, WRONG) and policy.found
    unicode_name = to_unicode(domain.name)
    return Shown(
        domain=domain,
        unicode_name="" if unicode_name == domain.name else unicode_name,
        state=state,
        chip=CHIPS[state],
        sentence=sentence(domain, state, rows),
        grace_ends=domain.broken_since + GRACE
        if domain.broken_since and domain.verified_at
        else None,
        zone=needed.zone if needed else "",
        rows=rows,
        aliases=tuple(_row(needed, one, {}) for one in aliases.of(domain, needed.selector))
        if needed
        else (),
        provider=provider_of(domain.name_servers),
        merged=dmarc.merge(policy.found, signs_as_mta=domain.signs_as_mta)
        if policy and is_there
        else None,
    )


def rows_of(domain: Domain, needed: Needs) -> tuple[Row, ...]:
    """Return the records that a domain needs, each with what was found of it."""
    seen = {(one["name"], one["type"]): one for one in domain.findings}
    return tuple(
        _row(needed, record, seen.get((record.name, record.type), {})) for record in needed.records
    )


def _row(needed: Needs, record: Record, finding: dict[str, object]) -> Row:
    state = str(finding.get("state", ""))
    chip = RECORD_CHIPS.get(state, NOT_CHECKED)
    if not record.required and state == MISSING:
        chip = RECOMMENDED
    found = finding.get("found", [])
    assert isinstance(found, list)
    return Row(
        record=record,
        relative_name=needed.relative(record.name),
        chip=chip,
        state=state,
        found=tuple(found),
        advice=str(finding.get("advice", "")),
        strings=strings_of(record.value) if len(record.value) > LONG else "",
    )


def keys_of(domain: Domain) -> list[ShownKey]:
    """Return the signing keys of a domain, the newest first."""
    newest_first = sorted(domain.signing_keys.all(), key=lambda key: key.pk, reverse=True)
    return [
        ShownKey(
            key=key,
            chip=KEY_CHIPS[KeyState(key.state)],
            relative_name=needs.relative(key.record_name, domain),
            value=keys.dkim_record(key.public_key, key.algorithm),
            advice=rotation.advice(key),
        )
        for key in newest_first
    ]


def sentence(domain: Domain, state: State, rows: tuple[Row, ...]) -> str:
    """Say in words what a state means, and what is wrong."""
    if not rows:
        return "It has no signing key. Delete it, and add it anew."
    if state == State.VERIFIED:
        return "Mail may be sent from its addresses."
    if state == State.NOT_STARTED:
        return "Publish the records. We look for them each minute."
    wrong = [row for row in rows if row.record.required and row.state != VERIFIED]
    what = " ".join(row.advice for row in wrong)
    if state == State.TEMPORARY_FAILURE:
        return f"It still sends, and stops unless this is mended. {what}"
    if state == State.FAILED:
        return f"It cannot send. {what}"
    return what
