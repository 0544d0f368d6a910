"""What a message must be to be taken, what leaves, and what is written down about it."""

import dataclasses
import itertools
import json
import os
import random
import re
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Account
from events.models import Tally
from messages import acceptance, header
from messages.acceptance import Accepted, Submission
from messages.models import Content, Door, Message, Recipient
from messages.policy import Refused
from messages.sender import Sender

ALICE = Sender(
    username="alice", secret_hashes=("",), credential_id=1, account_id=1,
    account_public_id="a" * 16,
    max_message_size=10_000_000, domains=frozenset(["alices.example"]),
)  # fmt: skip
FROM = b"From: Alice <a@alices.example>\r\n"
FIELDS = st.sampled_from(
    [
        b"Subject: x\r\n", b"subject:\r\n", b"Bcc: b@b.test\r\n", b"X-CloudMTA-Tags: a, b\r\n",
        b"x-cloudmta-class: digest\r\n", b"Date: now\r\n", b"Message-ID:\r\n",
        b"Message-ID: <x>\r\n",
        b"To: b@b.test,\r\n c@b.test\r\n", b"X: \0\r\n", b"Return-Path: <>\r\n", b"X-Y:z\r\n",
        b"Subject: =?utf-8?q?=00=C3?=\r\n", b"X-CloudMTA-Tags: =?utf-8?q?=00?=\r\n", b"From: x\r\n",
    ]
)  # fmt: skip
# What is not is written otherwise: see test_seven_bit.py.
SEVEN_BIT = st.binary(max_size=100).map(lambda octets: bytes(octet & 127 for octet in octets))
CORPORA = Path(os.environ.get("CORPORA_DIR", Path(__file__).parents[3] / "shared" / "corpora"))


def submission(content: bytes, *to: str, account_id: int = 1) -> Submission:
    recipients = {one: one.rpartition("@")[2] for one in to or ("b@b.test",)}
    sender = dataclasses.replace(ALICE, account_id=account_id)
    return Submission(sender, Door.SMTP, "a@alices.example", recipients, content)


def check(content: bytes) -> Accepted | None:
    """Return what was accepted, None where it was refused. Nothing else may happen."""
    try:
        return acceptance.check(submission(content))
    except Refused as refused:
        assert str(refused.reply).isascii()
        assert len(str(refused.reply)) <= 510
        return None


def assert_storable(accepted: Accepted) -> None:
    """No text for the database holds a NUL, or anything that is no Unicode."""
    for column in (accepted.subject, accepted.header_from, accepted.message_id_header,
                   accepted.sender_domain, *accepted.options.tags):  # fmt: skip
        assert "\0" not in column
        column.encode()


class TestCheck:
    @given(st.binary(max_size=300))
    def test_whatever_comes_it_is_taken_or_refused(self, content):
        for whole in (content, FROM + content, FROM + b"Subject: " + content + b"\r\n\r\n"):
            if accepted := check(whole):
                assert_storable(accepted)

    @given(st.lists(FIELDS), SEVEN_BIT)
    def test_what_leaves_is_our_fields_the_kept_ones_and_the_body(self, raw, body):
        accepted = check(FROM + b"".join(raw) + b"\r\n" + body)
        if accepted is None:
            return
        assert_storable(accepted)
        kept = [FROM] + [one for one in raw if not self.is_stripped(one)]
        fields, left = header.split(accepted.content)
        added = {field.name for field in fields[1 + len(kept) :]}

        assert left == body
        assert fields[0].name == b"received"
        assert [field.raw for field in fields[1 : 1 + len(kept)]] == kept
        assert added == {b"date", b"message-id"} - {one.partition(b":")[0].lower() for one in kept}

    def is_stripped(self, raw: bytes) -> bool:
        return bool(
            re.match(
                rb"(bcc|resent-bcc|return-path|content-length|x-cloudmta-[^:]*|message-id:\s*\Z)",
                raw,
                re.I,
            )
        )

    def test_a_header_alone_is_a_message_without_a_body(self):
        accepted = check(FROM + b"Date: now\r\nMessage-ID: <x>\r\n")

        assert accepted
        assert accepted.content.endswith(FROM + b"Date: now\r\nMessage-ID: <x>\r\n\r\n")

    def test_facts_are_those_of_the_message_that_leaves(self):
        accepted = check(
            b"from: =?utf-8?q?=C3=84lice?= <a@Alices.example>\r\nsubject: =?utf-8?b?w7w=?=\r\n\r\n"
        )

        assert accepted
        assert accepted.header_from == "Älice <a@Alices.example>"
        assert accepted.sender_domain == "alices.example"
        assert accepted.subject == "ü"
        assert accepted.message_id_header == f"<{accepted.id}@alices.example>"

    def test_real_mail_is_taken_or_refused(self):
        if not CORPORA.is_dir():
            pytest.skip(f"no corpora in {CORPORA}: set CORPORA_DIR")
        cases = [
            json.loads(line)["path"]
            for name in ("mime.jsonl", "negatives.jsonl")
            for line in (CORPORA / name).read_text().splitlines()
        ]
        taken = 0
        for path in cases:
            content = re.sub(rb"\r?\n", b"\r\n", (CORPORA / path).read_bytes())
            from_alice = re.sub(rb"(?mi)^from:.*(\r\n[ \t].*)*\r\n", FROM, content, count=1)
            for variant in (content, from_alice):
                if accepted := check(variant):
                    assert_storable(accepted)
                    taken += 1
        assert taken > len(cases) / 2

    def test_mutated_mail_is_taken_or_refused(self):
        chance = random.Random(1)
        base = bytearray(
            FROM + b"Subject: =?utf-8?q?a?= =?utf-8?b?YQ==?=\r\nTo: a@b.test,\r\n\tb@c.test\r\n"
            b"X-CloudMTA-Tags: a, b\r\nX-CloudMTA-Class: digest\r\nReceived: x\r\n\r\nbody\r\n"
        )
        for _ in range(2000):
            mutated = bytearray(base)
            for _ in range(chance.randint(1, 6)):
                mutated[chance.randrange(len(mutated))] = chance.choice(b'\0\r\n :;,<>@=?\xff"(a')
            if accepted := check(bytes(mutated)):
                assert_storable(accepted)


@pytest.mark.django_db
class TestStore:
    @pytest.fixture
    def account(self):
        return Account.objects.create(name="Alice")

    def accept(self, account, *to, fields=b"") -> Accepted:
        return acceptance.check(
            submission(FROM + fields + b"\r\nbody\r\n", *to, account_id=account.id)
        )

    def test_message_content_and_recipients_are_written(self, account):
        one = self.accept(account, "b@b.test", "ü@bücher.example", fields=b"Subject: \xff\0\r\n")

        acceptance.store([one])

        message = Message.objects.get()
        assert (message.id, message.subject) == (one.id, "ÿ")
        assert message.size == len(one.submission.content) < len(one.content)
        assert bytes(Content.objects.get().data) == one.content
        rows = Recipient.objects.values_list("address", "state", "due_at", "message_class")
        assert sorted(rows) == [
            (address, "queued", one.accepted_at, 1) for address in ("b@b.test", "ü@bücher.example")
        ]

    def test_recipients_are_counted_by_tag(self, account):
        batch = [
            self.accept(account, "a@b.test", "b@b.test", fields=b"X-CloudMTA-Tags: x\r\n"),
            self.accept(account, "a@b.test"),
        ]

        acceptance.store(batch)

        counts = dict(Tally.objects.filter(kind=Tally.ACCEPTED).values_list("tag", "count"))
        assert counts == {"": 3, "x": 2}

    def test_all_of_a_batch_or_none(self, account):
        batch = [self.accept(account, f"a{number}@b.test") for number in range(3)]

        with pytest.raises((DatabaseError, psycopg.DatabaseError)):
            acceptance.store([*batch, batch[0]])

        for model in (Message, Content, Recipient, Tally):
            assert not model.objects.exists()


def test_ids_are_in_the_order_of_acceptance():
    ids = [check(FROM + b"\r\n").id for _ in range(50)]

    # Within one millisecond chance decides.
    assert all(a.hex[:12] <= b.hex[:12] for a, b in itertools.pairwise(ids))
