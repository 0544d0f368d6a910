"""What is counted and timed while mail passes, in the names and units of Prometheus.

Each process counts in its own memory; `cloudmta.metrics` gathers what all of them have.
"""

from prometheus_client import Counter, Gauge, Histogram

# Seconds: from a commit on a fast disk to what makes a client give up.
ACCEPTANCE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
# Seconds: from a pipelined transaction to the ten minutes that a receiver may think.
ATTEMPT_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 600)
# Seconds: from at once to two days of retries.
DELIVERY_BUCKETS = (0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 43_200, 172_800)

ACCEPTED = Counter(
    "cloudmta_accepted_messages",
    "Messages that were committed, and answered with 250 or 202",
    ["door", "message_class"],
)
ACCEPTANCE_SECONDS = Histogram(
    "cloudmta_acceptance_seconds",
    "From the last octet of a message to its commit",
    ["door"],
    buckets=ACCEPTANCE_BUCKETS,
)
REFUSED = Counter(
    "cloudmta_refused_submissions", "Submissions that were not taken", ["door", "cause"]
)
ATTEMPTS = Counter(
    "cloudmta_attempts",
    "Recipients whose attempt came to an end, by where they stand after it",
    ["message_class", "state"],
)
ATTEMPT_SECONDS = Histogram(
    "cloudmta_attempt_seconds",
    "From the first command of a transaction to the reply that decided it",
    buckets=ATTEMPT_BUCKETS,
)
DELIVERY_SECONDS = Histogram(
    "cloudmta_delivery_seconds",
    "From acceptance, or the time that was asked for, to delivery",
    ["message_class"],
    buckets=DELIVERY_BUCKETS,
)
LOST_LEASES = Counter(
    "cloudmta_lost_leases", "Attempts that ended after another worker had taken over"
)
REPORTS = Counter(
    "cloudmta_reports",
    "Reports that came to the bounce door and were read, by what they came to",
    ["outcome"],
)
IN_FLIGHT = Gauge("cloudmta_in_flight_recipients", "Recipients that this worker is at work on")
SITES = Gauge("cloudmta_known_sites", "Sites that this worker has connections or work for")
