"""Hold what DNS says of a sending domain against what it needs, and say what to do about it.

DKIM keys by RFC 6376 §3.6.1, SPF by RFC 7208, DMARC by RFC 7489. What is required is decided here;
what was found is kept, so that a page can show it beside what was expected.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from domains import dkim_record, resolver, zones
from domains.needs import Needs
from domains.records import Record
from domains.resolver import Answer, Question, State
from domains.zones import Zone

VERIFIED = "verified"
MISSING = "missing"  # nothing stands under the name
WRONG = "wrong"  # something else does
UNREACHABLE = "unreachable"  # DNS did not answer: nothing is known

Answers = Mapping[Question, Answer]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw of one record, and one sentence about what to do ("": nothing)."""

    name: str
    type: str
    state: str
    found: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a check came to; None where DNS did not answer."""

    return_path: bool | None
    spf: bool | None
    dkim: bool | None
    # The key was seen under the mta. name only, so this is the domain to sign as.
    dkim_is_at_mta: bool
    # It was seen by way of a CNAME into the operator's zone.
    dkim_is_alias: bool
    findings: tuple[Finding, ...]
    zone: Zone = Zone()

    @property
    def is_verified(self) -> bool:
        return bool(self.return_path and self.spf and self.dkim)

    @property
    def is_wrong(self) -> bool:
        """Say whether DNS has answered that something required is not there."""
        return False in (self.return_path, self.spf, self.dkim)


def check(needs: Needs, ask: Callable[[Iterable[Question]], Answers] = resolver.ask) -> Report:
    """Look up all records of a domain, within five seconds, and judge them."""
    return judge(needs, ask(questions(needs)))


def judge(needs: Needs, answers: Answers) -> Report:
    """Hold the answers to all questions about a domain against what it needs."""
    zone = zones.seen(needs.domain, answers)
    needs = replace(needs, seen_zone=zone.name)
    alias, key, policy = needs.records
    return_path, spf, alias_finding = judge_return_path(needs, alias, answers)
    dkim, is_at_mta, key_finding = judge_key(needs, key, answers)
    findings = (alias_finding, key_finding, judge_policy(needs, policy, answers))
    is_alias = bool(needs.key_alias) and needs.key_alias in answers[key.name, "CNAME"].values
    return Report(return_path, spf, dkim, is_at_mta, is_alias, findings, zone)


def questions(needs: Needs) -> list[Question]:
    """List everything that a judgement may need, so that it is asked all at once."""
    here = [(needs.mta_domain, type) for type in ("CNAME", "MX", "TXT", "A")]
    keys = [(needs.dkim_domain, type) for type in ("TXT", "CNAME")] + [(needs.dkim_at_mta, "TXT")]
    policies = [(name, "TXT") for name in policy_names(needs.domain)]
    doubled = [
        (f"{record.name}.{zone}", record.type)
        for zone in zones.candidates(needs.domain)
        for record in needs.records
    ]
    return here + keys + policies + doubled + zones.questions(needs.domain)


def judge_return_path(
    needs: Needs, record: Record, answers: Answers
) -> tuple[bool | None, bool | None, Finding]:
    """Judge the name of the envelope: its CNAME, or MX and SPF that say the same by themselves."""
    alias = answers[record.name, "CNAME"]
    if alias.state is State.NO_ANSWER:
        return None, None, unreachable(record)
    if alias.values == (record.value,):
        return True, True, Finding(record.name, record.type, VERIFIED, alias.values)
    if alias.values:
        return False, False, wrong(record, alias.values, about_target(needs, alias.values))

    mx, txt = answers[record.name, "MX"], answers[record.name, "TXT"]
    return_path, spf = brings_bounces(mx, record.value), passes_spf(txt, record.value)
    found = [f"MX {value}" for value in mx.values] + [
        f"TXT {value}" for value in txt.values if is_spf(value)
    ]
    if return_path and spf:
        return True, True, Finding(record.name, record.type, VERIFIED, tuple(found))
    if found:
        return return_path, spf, wrong(record, tuple(found), about_conflict(record))
    address = answers[record.name, "A"]
    if address.values:
        found = [f"A {value}" for value in address.values]
        return False, False, wrong(record, tuple(found), about_proxy(record))
    return False, False, missing(needs, record, answers)


def about_target(needs: Needs, values: tuple[str, ...]) -> str:
    if values == (needs.doubled(needs.operator_host),):
        return (
            "Your DNS provider appended your zone to the target: write it with a dot at its end, "
            f"{needs.operator_host}."
        )
    return f"The name must lead to {needs.operator_host}; change the target of the CNAME."


def about_conflict(record: Record) -> str:
    return (
        f"Other records stand at {record.name}, where no CNAME can be beside them (RFC 1034 "
        f"§3.6.2): remove them and add the CNAME. Or give the name an MX record with "
        f"{record.value} as the only host, and one SPF record with include:{record.value}."
    )


def about_proxy(record: Record) -> str:
    return (
        f"{record.name} has an address instead of the CNAME. If your DNS provider proxies the "
        'name, switch that off ("DNS only" at Cloudflare); otherwise remove the address.'
    )


def brings_bounces(mx: Answer, operator_host: str) -> bool | None:
    if mx.state is State.NO_ANSWER:
        return None
    hosts = {value.partition(" ")[2] for value in mx.values}
    return hosts == {operator_host}


def passes_spf(txt: Answer, operator_host: str) -> bool | None:
    if txt.state is State.NO_ANSWER:
        return None
    policies = [value for value in txt.values if is_spf(value)]
    if len(policies) != 1:  # several are an error, and count as none (RFC 7208 §4.5)
        return False
    terms = [term.lower().removeprefix("+") for term in policies[0].split()]
    return f"include:{operator_host}" in terms or f"redirect={operator_host}" in terms


def is_spf(text: str) -> bool:
    return text.lower().split(" ", 1)[0] == "v=spf1"


def judge_key(needs: Needs, record: Record, answers: Answers) -> tuple[bool | None, bool, Finding]:
    """Judge the DKIM key, which may stand under the mta. name instead."""
    here, at_mta = answers[record.name, "TXT"], answers[needs.dkim_at_mta, "TXT"]
    problem = dkim_record.problem(here.values, needs.public_key, record.value)
    if here.values and not problem:
        return True, False, Finding(record.name, record.type, VERIFIED, here.values)
    if at_mta.values and not dkim_record.problem(at_mta.values, needs.public_key, record.value):
        note = f"Found at {needs.dkim_at_mta}, so signatures name {needs.mta_domain}."
        return True, True, Finding(record.name, record.type, VERIFIED, at_mta.values, note)
    if here.state is State.NO_ANSWER:
        return None, False, unreachable(record)
    if here.values:
        return False, False, wrong(record, here.values, problem)
    if alias := answers[record.name, "CNAME"].values:
        found = tuple(f"CNAME {value}" for value in alias)
        return False, False, wrong(record, found, about_key_alias(needs, alias))
    return False, False, missing(needs, record, answers)


def about_key_alias(needs: Needs, values: tuple[str, ...]) -> str:
    """Say what is wrong with an alias that leads to no key."""
    if needs.key_alias in values:
        return (
            "Your CNAME is right, and the key is not published behind it yet: that is up to the "
            "operator of this service, who is to run `manage.py dkim_zone`."
        )
    if needs.key_alias:
        return (
            f"A CNAME stands here: let it lead to {needs.key_alias}, or put the TXT in its place."
        )
    return "A CNAME stands here, and leads to no key: put the TXT record in its place."


def judge_policy(needs: Needs, record: Record, answers: Answers) -> Finding:
    """Judge the DMARC record, which is never required; that of the zone covers its sub-domains."""
    here, above = (answers[name, "TXT"] for name in policy_names(needs.domain))
    policies = dmarc(here) or dmarc(above)
    if len(policies) == 1:
        return Finding(record.name, record.type, VERIFIED, policies)
    if policies:
        advice = "Several DMARC records count as none (RFC 7489 §6.6.3): keep one of them."
        return wrong(record, policies, advice)
    if State.NO_ANSWER in (here.state, above.state):
        return unreachable(record)
    return missing(needs, record, answers)


def policy_names(domain: str) -> tuple[str, str]:
    """Return where the policy of a domain stands, and where that of its owner (RFC 7489 §6.6.3)."""
    return f"_dmarc.{domain}", f"_dmarc.{zones.candidates(domain)[-1]}"


def dmarc(answer: Answer) -> tuple[str, ...]:
    return tuple(value for value in answer.values if value.replace(" ", "").startswith("v=DMARC1"))


def unreachable(record: Record) -> Finding:
    advice = f"DNS did not answer for {record.name}. Try again in a minute."
    return Finding(record.name, record.type, UNREACHABLE, (), advice)


def wrong(record: Record, found: tuple[str, ...], advice: str) -> Finding:
    return Finding(record.name, record.type, WRONG, found, advice)


def missing(needs: Needs, record: Record, answers: Answers) -> Finding:
    """Say that nothing is there, and whether it stands where the provider put the zone twice."""
    doubled = needs.doubled(record.name)
    if answers[doubled, record.type].values:
        advice = (
            f"It stands at {doubled}: your DNS provider appends the zone by itself, so enter "
            f"{needs.relative(record.name)} as the name."
        )
    elif record.required:
        advice = (
            f"Add the {record.type} record {record.name}. If you have just done so, DNS may take "
            "a while to show it: an hour mostly, 48 hours at the most."
        )
    else:
        advice = "Recommended: large receivers ask for a DMARC record."
    return Finding(record.name, record.type, MISSING, (), advice)
