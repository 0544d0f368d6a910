"""What a site is asked to bear: so many connections, so many messages, so often."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds towards one site, or towards all sites of a provider. None: no bound of its own."""

    connections: int | None = None  # at a time, of all workers together
    connections_per_minute: int | None = None  # new ones
    messages_per_connection: int | None = None
    messages_per_minute: int | None = None
    idle_seconds: int | None = None  # that a connection may stand unused

    def over(self, other: "Limits") -> "Limits":
        """Return these limits, and the other's where there is none here."""
        return Limits(
            *(
                own if own is not None else its
                for own, its in zip(self.values(), other.values(), strict=True)
            )
        )

    def within(self, other: "Limits") -> "Limits":
        """Return the stricter of both, bound by bound."""
        return Limits(
            *(
                min((one for one in pair if one is not None), default=None)
                for pair in zip(self.values(), other.values(), strict=True)
            )
        )

    def values(self) -> tuple[int | None, ...]:
        """Return the bounds in the order in which they are declared."""
        return tuple(getattr(self, field.name) for field in fields(self))


NO_LIMITS = Limits()
# A site that nobody knows better. There is no bound to messages on a connection: that would send
# most connections to the slowest host of a set; age bounds them instead (delivery S8).
DEFAULT = Limits(connections=10, connections_per_minute=300, idle_seconds=5)
