"""Tell an account by mail that one of its domains stands otherwise than before."""

from collections.abc import Iterable
from datetime import UTC, datetime

from accounts import notices
from accounts.volume import Notice
from domains.checks import VERIFIED
from domains.models import Domain
from domains.states import GRACE, State, state_of

WHERE = "Its page under Domains shows what was found beside what we ask for."
HOURS = int(GRACE.total_seconds() // 3600)


def tell(domain: Domain, before: State) -> None:
    """Tell of a change, in the transaction in which it is written; nothing where there is none."""
    now = state_of(domain)
    if now == before:
        return
    if now == State.VERIFIED:
        _tell(domain, *_of_success(domain, before))
    elif now == State.TEMPORARY_FAILURE:
        _tell(domain, *_of_trouble(domain))
    elif now == State.FAILED:
        _tell(domain, *_of_end(domain, before))


def _tell(domain: Domain, subject: str, *paragraphs: str) -> None:
    notices.tell(domain.account, Notice.Kind.DOMAIN, subject[:200], "\n\n".join(paragraphs))


def _of_success(domain: Domain, before: State) -> tuple[str, ...]:
    if before == State.TEMPORARY_FAILURE:
        text = "All its records are there again. Nothing was held back, and there is nothing to do."
        return f"{domain} is in order again", text
    text = f"All its records were found: mail may be sent from addresses at {domain}."
    return f"{domain} is verified", text


def _of_trouble(domain: Domain) -> tuple[str, ...]:
    assert domain.broken_since is not None
    end = f"{moment(domain.broken_since + GRACE)}"
    return (
        f"The DNS records of {domain} are broken",
        f"Mail from {domain} is still sent, until {end}. If its records are not in order again by"
        " then, sending from it stops. What is wrong:",
        *problems(domain),
        f"We look every hour, and tell you when all is well. {WHERE}",
    )


def _of_end(domain: Domain, before: State) -> tuple[str, ...]:
    if before == State.TEMPORARY_FAILURE:
        return (
            f"Sending from {domain} has stopped",
            f"Its DNS records have been broken for {HOURS} hours, so mail from {domain} is refused"
            " from now on, and what waits for it is held. What is wrong:",
            *problems(domain),
            f"Sending goes on as soon as a check finds the records. We look once a day; the button"
            f" on its page looks at once. {WHERE}",
        )
    return (
        f"The DNS records of {domain} were not found",
        f"You added {domain} {HOURS} hours ago, and it cannot send yet. What is missing:",
        *problems(domain),
        f"We look once a day from now on; the button on its page looks at once. {WHERE}",
    )


def problems(domain: Domain) -> Iterable[str]:
    """Say what is wrong with each record that is required, in the words of the check."""
    # The last one is the policy, which is never in the way.
    for finding in domain.findings[:2]:
        if finding["state"] != VERIFIED:
            found = "; ".join(finding["found"]) or "nothing"
            yield f"{finding['type']} {finding['name']}\nFound: {found}\n{finding['advice']}"


def moment(when: datetime) -> str:
    return f"{when.astimezone(UTC):%d %B %Y, %H:%M} UTC"
