"""Try a webhook: post a sample event at once, and say what came back."""

import asyncio
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from events import batches, poster, representation, verdicts
from events.identifiers import new_id
from events.models import Kind, Webhook, WebhookPost
from events.poster import Answer, Poster
from events.samples import sample

# A little longer than a post may take, should its process die.
LONGEST = timedelta(seconds=poster.TIMEOUT + 5)


class TrialRunning(Exception):
    """One at a time: each keeps a thread of the dashboard waiting for the endpoint."""


def run(webhook: Webhook, kind: Kind) -> WebhookPost:
    """Post a sample event of a kind and return the log of it. Raises TrialRunning.

    The endpoint that takes it is alive again, if it was given up for a while; one that does not
    has not failed any more for it. A webhook that is disabled stays so.
    """
    _begin(webhook)
    try:
        now = timezone.now()
        body, _ = representation.body([sample(webhook.account, kind)])
        headers = batches.request_headers(webhook, new_id(), now, body)
        answer = asyncio.run(_post(webhook.url, headers, body))
    finally:
        Webhook.objects.filter(pk=webhook.pk).update(testing_until=None)
    return _finish(webhook, headers, body, answer)


def _begin(webhook: Webhook) -> None:
    now = timezone.now()
    with transaction.atomic():
        # Locked, so that of two at once the second sees the first.
        all_of_account = Webhook.objects.filter(account=webhook.account_id)
        ids = all_of_account.order_by("id").select_for_update().values_list("id", "testing_until")
        if any(until and until > now for _, until in ids):
            raise TrialRunning("A test of a webhook of this account is running: wait for its end")
        Webhook.objects.filter(pk=webhook.pk).update(testing_until=now + LONGEST)


async def _post(url: str, headers: dict[str, str], body: bytes) -> Answer:
    one = Poster()
    try:
        return await one.post(url, headers, body)
    finally:
        await one.close()


def _finish(webhook: Webhook, headers: dict[str, str], body: bytes, answer: Answer) -> WebhookPost:
    with transaction.atomic():
        post = verdicts.logged(webhook, headers, answer, timezone.now())
        post.test_body = body.decode()
        current = Webhook.objects.select_for_update().filter(pk=webhook.pk).first()
        if current:
            if answer.is_success:
                verdicts.revive(current, is_tested=True)
            post.save(force_insert=True)
    return post
