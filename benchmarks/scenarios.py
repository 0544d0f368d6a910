"""What is measured: each scenario is a load, bounded in number and in time."""

from dataclasses import dataclass

# No load is longer than this, whatever was asked for.
MAX_MESSAGES = 500_000
MAX_SECONDS = 600.0
# The door lets no more in from one address.
MAX_CONNECTIONS = 500


# A worker sends what goes before its own class as well.
CLASSES = ("priority", "standard", "digest")


@dataclass(frozen=True)
class Load:
    """Messages that one generator submits. It ends with the first bound that is met."""

    messages: int = MAX_MESSAGES
    seconds: float = MAX_SECONDS
    size: int = 10_000  # octets of one message
    connections: int = 20
    rate: float | None = None  # messages a second, due whether or not there were replies; None: all
    tls: bool = True  # STARTTLS; False: AUTH in clear
    reconnect: bool = False  # a new connection for each message
    recipients: int = 1  # of each message
    domains: int = 1  # of all recipients: d0.sim.test, d1.sim.test, …
    classes: tuple[str, ...] = ("standard",)  # in turn
    local_part: str = "user"
    door: str = "smtp"  # or "rest": a POST a message, without TLS
    batch: int = 1  # messages in one POST; more than one go to the batch endpoint


@dataclass(frozen=True)
class Scenario:
    """A load, and what is submitted beside it while it waits in the queue."""

    name: str
    load: Load
    beside: Load | None = None
    is_neighbours: bool = False  # what is submitted beside it comes from an account of its own

    @property
    def is_timed(self) -> bool:
        """Whether --seconds applies: the load is not a number of messages."""
        return self.load.messages == MAX_MESSAGES

    @property
    def paused(self) -> tuple[str, ...]:
        """The workers that stand still until all of the load waits: whoever could send it."""
        return CLASSES[min(map(CLASSES.index, self.load.classes)) :]


MINUTE = 60.0

ALL = [
    Scenario("standard", Load(seconds=MINUTE)),
    Scenario("new-connections", Load(seconds=MINUTE, reconnect=True)),
    Scenario("plain-new", Load(seconds=MINUTE, reconnect=True, tls=False)),
    Scenario("1kb", Load(seconds=MINUTE, size=1_000)),
    Scenario("100kb", Load(seconds=MINUTE, size=100_000)),
    Scenario("5-recipients", Load(seconds=MINUTE, recipients=5)),
    Scenario("20-recipients", Load(seconds=MINUTE, recipients=20)),
    Scenario("latency", Load(seconds=MINUTE, rate=100)),
    Scenario("rest", Load(seconds=MINUTE, door="rest")),
    Scenario(
        "rest-door",
        Load(messages=8_000, door="rest"),
        beside=Load(rate=2, connections=2, classes=("priority",), local_part="urgent"),
    ),
    Scenario("rest-latency", Load(seconds=MINUTE, rate=100, door="rest")),
    Scenario("rest-batch", Load(seconds=MINUTE, door="rest", batch=100, connections=4)),
    Scenario("exact", Load(messages=20_000)),
    Scenario("domains", Load(seconds=MINUTE, domains=1_000)),
    Scenario(
        "priority",
        Load(messages=20_000, classes=("digest", "standard")),
        beside=Load(rate=2, connections=2, classes=("priority",), local_part="urgent"),
    ),
    Scenario(
        "digests",
        Load(messages=50_000, classes=("digest",)),
        beside=Load(rate=2, connections=2, classes=("priority",), local_part="urgent"),
    ),
    Scenario(
        "neighbour",
        Load(messages=100_000, size=1_000),
        beside=Load(rate=2, connections=2, size=1_000, local_part="neighbour"),
        is_neighbours=True,
    ),
]
BY_NAME = {scenario.name: scenario for scenario in ALL}
DEFAULT = ("standard", "exact", "latency", "priority")
