"""Ask a house what became of a message."""

from cloudmta.testing import House, eventually


def states(house: House, message_id: str) -> dict[str, str]:
    rows = house.sql("SELECT address, state FROM mail_recipient WHERE message_id = %s", message_id)
    return dict(rows)


def events(house: House, message_id: str) -> list[tuple[str, str]]:
    return house.sql(
        "SELECT kind, recipient FROM events_event WHERE message_id = %s ORDER BY id", message_id
    )


def settled(house: House, message_id: str) -> dict[str, str]:
    """Wait until every recipient of a message is in a final state, and return these."""

    def look() -> dict[str, str]:
        now = states(house, message_id)
        return now if {"queued", "leased", "deferred", "held"}.isdisjoint(now.values()) else {}

    return eventually(look)
