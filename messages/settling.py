"""Write what came of attempts, however long PostgreSQL does not take it."""

import logging
import time

from django.db import connection

from accounts.database import UNAVAILABLE
from messages import outcomes
from messages.outcomes import Result

logger = logging.getLogger(__name__)

# Seconds until results that PostgreSQL did not take are tried again.
AGAIN_AFTER = 0.5


def write(results: list[Result]) -> None:
    """Write results however long it takes: they happened, and nobody else knows of them."""
    while True:
        try:
            too_late = outcomes.write(results)
        except UNAVAILABLE as error:
            logger.error("PostgreSQL does not answer: %s", error)
            connection.close()
            time.sleep(AGAIN_AFTER)
        else:
            if too_late:
                logger.warning("%d attempts ended after their lease had run out", too_late)
            return
