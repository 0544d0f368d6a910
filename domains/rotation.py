"""Replace signing keys without a gap (delivery K9): no receiver ever looks for a key in vain.

The next key is made, and its record published by the owner of the domain; it signs once DNS has
shown it several times over a while. The one before goes on for what was accepted earlier, and its
record must stay until the last of that mail is gone.
"""

import contextlib
import logging
from collections.abc import Sequence
from datetime import timedelta

import dkim as verifier
from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts import changes, vault
from domains import dkim_record, keys, resolver, sending_domains
from domains.dkim import Signer
from domains.models import Algorithm, Domain, KeyState, SigningKey
from domains.resolver import Answer, State

logger = logging.getLogger(__name__)

# A record counts as published when it was seen so often in a row, the first time so long ago.
SIGHTINGS, WATCHED_FOR = 3, timedelta(minutes=10)
# Until a new key begins: by then every process knows of it (signing.KEEP_FOR), whatever its clock.
NOTICE = timedelta(minutes=1)
# An old key's record must stay: mail may be due in 72 h, is tried for 48 h, and is read by
# programs that verify late for a week (delivery K9).
KEEP_OLD = timedelta(days=14)
# Next keys that one turn of housekeeping looks up.
AT_ONCE = 200

PUBLISH = "Publish the record. It signs some minutes after DNS shows it."
WITH_ALIAS = "Nothing to do: your CNAME leads to it. It signs some minutes after DNS shows it."
PROBE = (b"From: a@example.com\r\n", b"Subject: Probe\r\n")


class RotationRefused(Exception):
    """A key cannot be replaced now. Says why, in words."""


def begin(domain: Domain, algorithm: str = Algorithm.RSA) -> SigningKey:
    """Give a domain its next key; where one waits already, return that. Raises RotationRefused."""
    if algorithm == Algorithm.ED25519 and not settings.SIGN_ED25519:
        raise RotationRefused("The operator of this service has not switched Ed25519 on")
    private_key, public_key = keys.generate(algorithm)
    with transaction.atomic():
        locked = Domain.objects.select_for_update().get(pk=domain.pk)
        if locked.verified_at is None:
            raise RotationRefused("Publish the key that the domain has, and have it verified first")
        waiting = locked.signing_keys.filter(algorithm=algorithm, state=KeyState.NEXT).first()
        return waiting or SigningKey.objects.create(
            domain=locked,
            algorithm=algorithm,
            state=KeyState.NEXT,
            selector=_selector(locked, algorithm),
            public_key=public_key,
            encrypted_private_key=vault.encrypt(private_key),
            advice=WITH_ALIAS if locked.key_is_alias else PUBLISH,
        )


def _selector(domain: Domain, algorithm: str) -> str:
    """Return a selector for the next key: the spare one, which may have its alias already."""
    spare = domain.spare_selector
    if not spare or algorithm != Algorithm.RSA:
        return keys.new_selector()
    if not live(domain).filter(selector=spare).exists():
        # Of a key before the last one, all mail of which has arrived.
        domain.signing_keys.filter(selector=spare).delete()
        return spare
    if domain.key_is_alias:
        raise RotationRefused("Mail of the key before is still under way: wait until it is retired")
    return keys.new_selector()


def live(domain: Domain) -> QuerySet[SigningKey]:
    """Return the keys whose records must stand in DNS, in the order that they were made."""
    return domain.signing_keys.exclude(state=KeyState.RETIRED).order_by("id")


def advice(key: SigningKey) -> str:
    """Say what the owner of a domain is to do about a key, "" where there is nothing to do."""
    if key.state == KeyState.OLD and key.signs_until:
        end = (key.signs_until + KEEP_OLD).date()
        return f"Keep the record until {end}: mail that this key has signed is still under way."
    if key.state == KeyState.RETIRED:
        return "You can remove the record: all mail that this key has signed has arrived."
    return key.advice


def look_after() -> None:
    """Look for the records of next keys, let those sign that are there, and retire old ones."""
    waiting = SigningKey.objects.filter(state=KeyState.NEXT).select_related("domain")
    longest_ago = F("looked_at").asc(nulls_first=True)
    look_at(list(waiting.order_by(longest_ago, "id")[:AT_ONCE]))
    retire()


def look_at(waiting: Sequence[SigningKey]) -> list[SigningKey]:
    """Ask DNS for the records of next keys, all at once; return those that sign from now on."""
    answers = resolver.ask((key.record_name, "TXT") for key in waiting)
    begun = [key for key in waiting if _judge(key, answers[key.record_name, "TXT"])]
    for key in begun:
        logger.info("The next key %s is to sign", key.record_name)
        with contextlib.suppress(Domain.DoesNotExist):
            # What the last check found was about the key before.
            sending_domains.verify(key.domain)
    return begun


def _judge(key: SigningKey, answer: Answer) -> bool:
    """Note what DNS says of a next key; let it sign, and say so, where that is enough."""
    expected = keys.dkim_record(key.public_key, key.algorithm)
    with transaction.atomic():
        locked = _locked(key)
        if locked is None:
            return False
        if answer.state is State.NO_ANSWER:
            SigningKey.objects.filter(pk=key.pk).update(looked_at=timezone.now())
            return False  # nothing is known
        problem = dkim_record.problem(answer.values, key.public_key, expected)
        _note(locked, problem)
        if problem or not _is_seen_enough(locked) or not _signs_well(locked, answer.values[0]):
            return False
        _promote(locked)
    return True


def _locked(key: SigningKey) -> SigningKey | None:
    """Return a next key as it stands now, held by us; None where it is none any more."""
    found = SigningKey.objects.select_for_update().select_related("domain")
    return found.filter(pk=key.pk, state=KeyState.NEXT).first()


def _note(key: SigningKey, problem: str) -> None:
    now = timezone.now()
    key.looked_at = now
    key.sightings = 0 if problem else key.sightings + 1
    key.seen_since = None if problem else key.seen_since or now
    key.advice = problem or "The record is there. Some minutes more, and the key signs."
    key.save(update_fields=["looked_at", "sightings", "seen_since", "advice"])


def _is_seen_enough(key: SigningKey) -> bool:
    if key.seen_since is None or key.looked_at is None or key.sightings < SIGHTINGS:
        return False
    return key.looked_at - key.seen_since >= WATCHED_FOR


def _signs_well(key: SigningKey, record: str) -> bool:
    """Sign a message, and have another implementation verify it by what DNS shows."""
    try:
        private_key = keys.load_private_key(bytes(key.encrypted_private_key), key.public_key)
    except (vault.KeyUnreadable, keys.KeyUnfit) as error:
        logger.error("The key %s cannot sign: %s", key.record_name, error)
        return False
    if key.algorithm == Algorithm.ED25519:
        return True  # proven by its own public half; the other implementation may not know it
    signer = Signer(key.domain.signs_as, key.selector, private_key)
    signature = signer.sign(PROBE, b"Probe\r\n", timestamp=int(timezone.now().timestamp()))
    message = b"".join([signature, *PROBE, b"\r\nProbe\r\n"])
    if verifier.verify(message, dnsfunc=lambda name, timeout=5: record.encode()):
        return True
    logger.error("What the key %s signs does not verify", key.record_name)
    return False


def _promote(key: SigningKey) -> None:
    begins = timezone.now() + NOTICE
    before = SigningKey.objects.filter(
        domain=key.domain, algorithm=key.algorithm, state=KeyState.ACTIVE
    )
    if replaced := before.first():
        # The two names of an owner who publishes aliases change places.
        spare = Domain.objects.filter(pk=key.domain_id, spare_selector=key.selector)
        spare.update(spare_selector=replaced.selector)
    before.update(state=KeyState.OLD, signs_until=begins)
    key.state, key.signs_from, key.advice = KeyState.ACTIVE, begins, ""
    key.save(update_fields=["state", "signs_from", "advice"])
    changes.announce(key.domain.account_id)


def retire() -> None:
    """Destroy the private halves of keys whose last mail is gone."""
    over = SigningKey.objects.filter(state=KeyState.OLD, signs_until__lt=timezone.now() - KEEP_OLD)
    over.update(state=KeyState.RETIRED, encrypted_private_key=b"")
