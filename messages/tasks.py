"""What Celery calls: the doorbell of a message class, and the engine that answers it."""

from celery import shared_task, signals

from accounts.message_class import MessageClass
from events.hosting import Host
from messages import burial, holding, incoming, reader, retention, sts
from messages.delivery import Engine
from messages.doorbell import BELLS, TASK
from messages.exchangers import Directory
from messages.sts_fetch import Fetcher

# Seconds of one turn; others of the same worker wait meanwhile.
FORGET_SECONDS = 5

_host = Host(Engine)
# Celery keeps no strong reference of its own to what is bound to an object.
signals.worker_shutting_down.connect(_host.stop_soon, weak=False)


@shared_task(name=TASK)
def deliver(message_class: int) -> None:
    """Send what is due in a class, and before it what is due in those that go before it."""
    BELLS[MessageClass(message_class)].answered()
    classes = [one for one in MessageClass if one <= message_class]
    _host.wait_for(lambda engine: engine.deliver(classes))


@shared_task
def look_after_held() -> None:
    """Let go what has volume again, and count what is held."""
    holding.look_after_held()


@shared_task
def read_reports() -> None:
    """Read what came to the bounce door and nobody has read yet."""
    reader.read_all()


@shared_task
def bury_accounts() -> None:
    """Take away what closed accounts held."""
    burial.bury_all()


@shared_task
def refresh_sts_policies() -> None:
    """Fetch the MTA-STS policies again that will expire."""
    sts.refresh(lambda: Fetcher(Directory()))


@shared_task
def prune_reports() -> None:
    """Let go of reports that are old enough."""
    incoming.prune()


@shared_task
def forget_messages() -> None:
    """Delete contents and messages that their accounts keep no longer."""
    retention.forget(FORGET_SECONDS)
