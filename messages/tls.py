"""The two contexts of TLS towards exchangers; making one costs 20 ms, so each is made once."""

import ssl
from functools import cache


@cache
def unverified() -> ssl.SSLContext:
    """Return the context for opportunistic TLS: encrypted, not authenticated (RFC 7435)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # All that OpenSSL knows, the best first: an old server's old cipher is better than none, and
    # Python's own list would have the mail go in clear.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


@cache
def verified() -> ssl.SSLContext:
    """Return the context for exchangers that must show who they are (RFC 8461 §4.1, §4.2)."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
