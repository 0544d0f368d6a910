"""Who asks over HTTP: the address of a client, also where proxies of ours stand before us."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings


def client_address(environ: Mapping[str, Any]) -> str:
    """Return the address of whoever connects, or the one that our own proxies have written down.

    "" where there is none, as over a Unix socket.
    """
    hops = re.findall(r"[^\s,]+", environ.get("HTTP_X_FORWARDED_FOR", ""))
    proxies: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    # What stands further to the left anybody can have made up.
    is_forwarded = proxies and len(hops) >= proxies
    address = hops[-proxies] if is_forwarded else str(environ.get("REMOTE_ADDR", ""))
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return ""
