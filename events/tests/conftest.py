"""Alice and Bob, as the REST door sees them."""

from accounts.tests.conftest import alice, bob

__all__ = ["alice", "bob"]
