"""What refusals mean: by words, by status, by code, by the command that was refused."""

import pytest

from events.reasons import SUPPRESSING, Reason
from messages import classifier
from messages.classifier.codes import BY_CODE, BY_PHASE, BY_STATUS
from messages.smtp.phases import Phase
from messages.smtp.replies import Reply


def judged(code: int, status: str, text: str, phase: Phase | None = Phase.RCPT) -> tuple[str, str]:
    judgement = classifier.of_reply(Reply(code, status, text), phase)
    return judgement.kind, judgement.reason.value


@pytest.mark.parametrize(
    ("code", "status", "text", "expected"),
    [
        (550, "5.1.1", "The account that you tried to reach does not exist", "invalid_address"),
        (550, "5.4.1", "Recipient address rejected: Access denied. [A.prod.outlook.com]",
         "invalid_address"),
        (550, "5.5.0", "Requested action not taken: mailbox unavailable (S2017062302)",
         "invalid_address"),
        (554, "", "dd This user doesn't have a yahoo.com account", "invalid_address"),
        (550, "5.7.1", "User unknown", "invalid_address"),
        (550, "5.2.1", "The account that you tried to reach is disabled", "inactive_mailbox"),
        (550, "", "Unrouteable address", "hard_bounce"),
        (550, "5.1.2", "Host unknown", "domain_not_found"),
        (550, "5.1.1", "Recipient address rejected: Domain not found", "domain_not_found"),
        (550, "5.1.1", "Recipient address rejected: undeliverable address", "invalid_address"),
        (550, "5.1.1", "Requested action not taken: mailbox unavailable", "invalid_address"),
        (550, "5.2.1", "Mailbox not available", "inactive_mailbox"),
        (550, "5.7.1", "Requested action not taken: mailbox unavailable", "hard_bounce"),
        (554, "", "Rcpt <x@y.test> does not exist", "invalid_address"),
        (550, "", "BAD_RECIPIENT - see https://mx.test/", "invalid_address"),
        (550, "", "x@y.test has left the organisation", "invalid_address"),
        (550, "", "Postfach nicht vorhanden", "invalid_address"),
        (550, "", "Empfaenger unbekannt", "invalid_address"),
        (550, "", "Onbekende gebruiker", "invalid_address"),
        (550, "", "No se encontró la dirección de correo", "invalid_address"),
        (550, "", "Konto x@y.test nie istnieje", "invalid_address"),
        (550, "", "This address is no longer in use", "inactive_mailbox"),
        (550, "", "mx.y.test: Name or service not known", "domain_not_found"),
    ],
)  # fmt: skip
def test_the_recipients_own_failure_is_a_bounce(code, status, text, expected):
    assert judged(code, status, text) == ("bounce", expected)


@pytest.mark.parametrize(
    ("code", "status", "text", "expected"),
    [
        (554, "5.7.1", "Client host blocked using zen.spamhaus.org", "reputation"),
        (550, "5.7.606", "Access denied, banned sending IP [192.0.2.1]", "reputation"),
        (421, "4.7.0", "deferred due to unexpected volume or user complaints", "reputation"),
        (550, "5.1.1", "Rejected: your IP is on a blacklist, not that the user is unknown",
         "reputation"),
        (550, "5.7.26", "This mail has been blocked because the sender is unauthenticated",
         "authentication"),
        (550, "5.7.1", "Email rejected per DMARC policy", "authentication"),
        (550, "5.7.25", "The IP address does not have a PTR record setup", "authentication"),
        (554, "5.7.1", "Message rejected: spam", "spam_content"),
        (552, "5.7.0", "This message was blocked because its content presents a potential security"
         " issue", "content_rejected"),
        (554, "5.6.0", "Virus found", "content_rejected"),
        (552, "5.3.4", "Message size exceeds fixed limit", "message_too_large"),
        (550, "5.7.1", "Relaying denied", "relaying_denied"),
        (550, "5.7.1", "Rejected by local policy", "policy"),
        (553, "5.1.8", "Domain of sender address does not exist", "policy"),
        (501, "5.5.4", "Syntax error in parameters", "protocol_error"),
        (450, "4.7.1", "Helo command rejected: Host not found", "authentication"),
        (554, "5.7.1", "Rejected by antispam", "spam_content"),
        (554, "", "DT:SPM 163 smtp1", "spam_content"),
        (550, "", "Your server requires confirmation", "policy"),
        (554, "5.7.1", ": (CON:B1) https://postmaster.test/error-codes", "reputation"),
    ],
)  # fmt: skip
def test_their_judgement_of_us_is_blocked(code, status, text, expected):
    assert judged(code, status, text) == ("blocked", expected)


@pytest.mark.parametrize(
    ("code", "status", "text", "expected"),
    [
        (552, "5.2.2", "Mailbox full", "mailbox_full"),
        (552, "5.1.1", "sorry, that mailbox is over quota temporarily", "mailbox_full"),
        (451, "4.7.1", "Greylisted, please try again in 300 seconds", "greylisted"),
        (450, "4.2.1", "The user is receiving mail at a rate that prevents it", "rate_limited"),
        (421, "4.7.0", "Too many connections", "rate_limited"),
        (451, "4.3.0", "Temporary lookup failure of our own", "server_error"),
        (452, "4.3.1", "Insufficient system storage", "server_error"),
        (450, "4.2.1", "Mailbox unavailable", "server_error"),
        (451, "4.4.1", "No answer from host", "unreachable"),
        (554, "5.4.6", "Too many hops", "unreachable"),
        (450, "4.1.1", "Recipient address rejected: unverified address: User unknown",
         "invalid_address"),
        (452, "", "<x@y.test> Mailbox size limit exceeded", "mailbox_full"),
        (550, "", "Benutzer hat zuviele Mails auf dem Server.", "mailbox_full"),
        (550, "", "El buzón del destinatario está lleno", "mailbox_full"),
        (550, "", "La casella di posta del destinatario è piena", "mailbox_full"),
        (550, "", "Connection frequency limited", "rate_limited"),
        (451, "4.7.0", "Temporary server error. Please try again later.", "server_error"),
    ],
)  # fmt: skip
def test_what_another_day_may_mend_is_a_soft_bounce(code, status, text, expected):
    assert judged(code, status, text) == ("soft_bounce", expected)


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.GREETING, ("blocked", "reputation")),
        (Phase.EHLO, ("blocked", "reputation")),
        (Phase.MAIL, ("blocked", "policy")),
        (Phase.RCPT, ("bounce", "hard_bounce")),
        (Phase.DOT, ("blocked", "policy")),
        (None, ("bounce", "unknown")),
    ],
)
def test_where_nothing_is_said_the_command_tells(phase, expected):
    assert judged(554, "", "No", phase) == expected


@pytest.mark.parametrize("phase", [Phase.GREETING, Phase.MAIL])
def test_before_rcpt_no_refusal_is_about_the_recipient(phase):
    kind, reason = judged(550, "5.1.1", "User unknown", phase)

    assert kind == "blocked"
    assert Reason(reason) not in SUPPRESSING


@pytest.mark.parametrize("status", ["", "4.1.1", "4.2.1", "4.7.1", "5.1.1"])
@pytest.mark.parametrize(
    "text", ["User unknown", "Account disabled", "No such domain", "", "x" * 9999]
)
def test_no_4xx_is_a_bounce(status, text):  # fmt: skip
    kind, _ = judged(450, status, text)

    assert kind != "bounce"


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (550, "Unfortunately, messages from 192.0.2.1 weren't sent (S3140).", "reputation"),
        (421, "4.7.0 [TSS04] Messages temporarily deferred", "reputation"),
        (550, "AUP#In-1310", "reputation"),
        (421, "Service refused, please try later. OFR_108", "rate_limited"),
        (550, "5.1.1 Adresse d au moins un destinataire invalide. OFR_416", "invalid_address"),
        (550, "Mail rejete. Mail rejected. OFR_506 [506]", "spam_content"),
    ],
)
def test_the_codes_of_providers_are_known(code, text, expected):
    assert judged(code, "", text)[1] == expected


def test_addresses_and_links_are_no_words():
    text = "<spam.quota@full.test>: see https://help.test/mailbox-full/virus: User unknown"

    assert judged(550, "5.1.1", text) == ("bounce", "invalid_address")


class TestReports:
    def test_what_is_given_up_is_a_bounce(self):
        judgement = classifier.of_report("4.4.7", "Delivery time expired", is_final=True)

        assert (judgement.kind, judgement.reason) == ("bounce", Reason.EXPIRED)

    def test_what_is_still_tried_is_a_soft_bounce(self):
        judgement = classifier.of_report("5.1.1", "User unknown", is_final=False)

        assert judgement.kind == "soft_bounce"


def test_only_two_reasons_suppress():
    assert {
        reason for reason in Reason if classifier.Judgement("bounce", reason).suppresses
    } == {Reason.INVALID_ADDRESS, Reason.INACTIVE_MAILBOX}  # fmt: skip


def test_each_rule_names_a_reason_that_events_can_have():
    names = [*classifier.CLEAR, *classifier.VAGUE]

    assert [name for name in names if name not in set(Reason)] == []
    assert set(BY_STATUS.values()) | set(BY_CODE.values()) | set(BY_PHASE.values()) <= set(Reason)
