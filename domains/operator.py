"""The operator's own records: what the host that carries everybody's mail needs, and what is there.

Each customer's `mta.` name is an alias of this host, so its MX brings all bounces home and its SPF
speaks for all envelope senders.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from domains import dkim_record, keys, resolver, signing
from domains.resolver import Answer, Question, State


@dataclass(frozen=True, slots=True)
class OperatorRecord:
    """A record of the operator's, as it should be and as it was found."""

    name: str
    type: str
    expected: str
    found: tuple[str, ...]
    is_right: bool | None  # None: DNS did not answer
    advice: str  # what to do where it is not right


def check() -> list[OperatorRecord]:
    """Ask DNS for the operator's records. Takes up to ten seconds; not for an event loop."""
    host = settings.OPERATOR_HOST
    asked = ((host, "A"), (host, "AAAA"), (host, "MX"), (host, "TXT"))
    answers = resolver.ask(asked)
    addresses = [value for kind in ("A", "AAAA") for value in answers[host, kind].values]
    pointers = resolver.ask((_reverse(address), "PTR") for address in addresses)
    return [
        *_signatures(),
        _address(host, answers),
        _exchanger(host, answers[host, "MX"]),
        _policy(host, answers[host, "TXT"], addresses),
        *(_pointer(host, address, pointers) for address in addresses),
    ]


def _signatures() -> list[OperatorRecord]:
    """Look up the key of the operator's own signature, if there is one."""
    try:
        signers = signing.operator_signers()
    except (OSError, ValueError, TypeError) as error:
        name = f"{settings.OPERATOR_SIGNING_SELECTOR}._domainkey.{settings.OPERATOR_SIGNING_DOMAIN}"
        advice = f"The key cannot be read ({error}): `manage.py operator_key` makes one."
        return [OperatorRecord(name, "TXT", "the operator's signing key", (), False, advice)]
    records = []
    for signer in signers:
        name, expected = f"{signer.selector}._domainkey.{signer.domain}", keys.record_of(signer)
        answer = resolver.ask([(name, "TXT")])[name, "TXT"]
        public_key = keys.public_half(signer.private_key)
        problem = dkim_record.problem(answer.values, public_key, expected)
        records.append(
            OperatorRecord(
                name, "TXT", expected, answer.values, _known(answer, not problem), problem
            )
        )
    return records


def _address(host: str, answers: dict[Question, Answer]) -> OperatorRecord:
    found = answers[host, "A"].values + answers[host, "AAAA"].values
    known = {answers[host, kind].state for kind in ("A", "AAAA")} != {State.NO_ANSWER}
    return OperatorRecord(
        host, "A", "the public address that mail leaves from", found,
        bool(found) if known else None,
        f"Publish an A record for {host} with the public address of this machine.",
    )  # fmt: skip


def _exchanger(host: str, answer: Answer) -> OperatorRecord:
    expected = f"10 {host}"
    hosts = [value.partition(" ")[2] for value in answer.values]
    return OperatorRecord(
        host, "MX", expected, answer.values, _known(answer, host in hosts),
        f"Publish {host} MX {expected}: without it no bounce and no complaint comes home.",
    )  # fmt: skip


def _policy(host: str, answer: Answer, addresses: list[str]) -> OperatorRecord:
    wanted = [f"ip{ipaddress.ip_address(one).version}:{one}" for one in addresses]
    expected = " ".join(["v=spf1", *(wanted or ["a"]), "-all"])
    policies = tuple(value for value in answer.values if value.lower().startswith("v=spf1"))
    is_right = len(policies) == 1 and _passes(policies[0], wanted)
    return OperatorRecord(
        host, "TXT", expected, policies, _known(answer, is_right),
        "Publish one TXT record that names every address that mail leaves from (RFC 7208).",
    )  # fmt: skip


def _passes(policy: str, wanted: Iterable[str]) -> bool:
    """Say whether a policy names the addresses, by themselves or as those of its own name."""
    terms = policy.lower().split()
    return "a" in terms or "+a" in terms or all(one in terms for one in wanted)


def _pointer(host: str, address: str, answers: dict[Question, Answer]) -> OperatorRecord:
    answer = answers[_reverse(address), "PTR"]
    names = tuple(value.rstrip(".").lower() for value in answer.values)
    return OperatorRecord(
        _reverse(address), "PTR", host, names, _known(answer, host in names),
        f"Ask whoever gave you {address} to let it point back to {host}: large receivers refuse "
        "mail from an address that does not.",
    )  # fmt: skip


def _reverse(address: str) -> str:
    return ipaddress.ip_address(address).reverse_pointer


def _known(answer: Answer, is_right: bool) -> bool | None:
    return None if answer.state is State.NO_ANSWER else is_right
