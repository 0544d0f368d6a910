"""What the benchmark of tracking needs the product's own code for; a process of its own.

Its environment says where the product's database is. Arguments: `rewriting`; or `recipients`, the
user name of a credential and how many; or `opens`.
"""

import json
import statistics
import sys
import time

import django

django.setup()

from django.utils import timezone  # noqa: E402

from accounts.message_class import MessageClass  # noqa: E402
from accounts.models import Credential  # noqa: E402
from events import tracking  # noqa: E402
from events.identifiers import new_id  # noqa: E402
from events.models import Event, Kind  # noqa: E402
from messages.models import Door, Message, Recipient, State  # noqa: E402
from messages.policy import MAX_RECIPIENTS  # noqa: E402
from messages.seven_bit import bodies  # noqa: E402
from messages.tracked.copies import Original  # noqa: E402

ROUNDS = 50
LINKS = 200
ROW = """<tr><td style="padding:10px;font-family:Arial,Helvetica,sans-serif;color:#333333">\r
<p class="text">What a shop has to say of article {0} &amp; of those like it – at some length.</p>\r
<a href="https://shop.example.com/article/{0}?utm_source=mail&amp;utm_campaign=news" \
style="color:#0066cc;text-decoration:none"><img src="https://cdn.example.com/{0}.png" width="200" \
height="100" alt="Article {0}"></a></td></tr>\r
"""
HEAD = b"""From: shop@example.com\r
Content-Type: text/html; charset=utf-8\r
Content-Transfer-Encoding: quoted-printable\r
\r
"""


def rewriting() -> dict[str, object]:
    """Make copies of a page of 100 KB, each from the start, and return milliseconds of CPU."""
    rows = "".join(map(ROW.format, range(LINKS)))
    page = f"<html><head><style>p{{margin:0}}</style></head><body>{rows}</body></html>\r\n".encode()
    page = page.replace(b"<body>", b"<body>" + b"<!-- what mail carries along -->\r\n" * 400)
    content = HEAD + bodies.encode_quoted_printable(page)[1]
    times = []
    for number in range(ROUNDS):
        begun = time.process_time()
        Original(content, opens=True, clicks=True, unsubscribe=True).copy(number)
        times.append((time.process_time() - begun) * 1000)
    return {
        "octets": len(page), "links": LINKS, "best": min(times), "median": statistics.median(times),
    }  # fmt: skip


def recipients(username: str, count: int) -> list[str]:
    """Make delivered recipients, and return the addresses of their pixels."""
    account = Credential.objects.get(username=username).account
    now = timezone.now()
    messages = Message.objects.bulk_create(
        Message(
            id=new_id(), account=account, door=Door.REST, message_class=MessageClass.STANDARD,
            reverse_path="a@example.com", sender_domain="example.com", header_from="a@example.com",
            subject="News", message_id_header=f"<{number}@example.com>", size=1,
        )
        for number in range(0, count, MAX_RECIPIENTS)
    )  # fmt: skip
    made = Recipient.objects.bulk_create(
        Recipient(
            message=messages[number // MAX_RECIPIENTS], account=account,
            message_class=MessageClass.STANDARD, accepted_at=now,
            address=f"user{number}@example.net", domain="example.net", state=State.DELIVERED,
            settled_at=now,
        )
        for number in range(count)
    )  # fmt: skip
    return [tracking.pixel_url(one.id) for one in made]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["rewriting"]:
            print(json.dumps(rewriting()))
        case ["recipients", username, count]:
            print(json.dumps(recipients(username, int(count))))
        case ["opens"]:
            print(Event.objects.filter(kind=Kind.OPEN).count())
