"""Where one owner's names begin: the Public Suffix List, as it came with the package."""

from functools import cache

from publicsuffixlist import PublicSuffixList


def registrable(domain: str) -> str | None:
    """Return the name that was registered, which a domain is or lies under: the usual zone.

    The domain is in lower-case A-labels. None: it is a public suffix, such as co.uk, under which
    anybody may have names, or a top-level domain.
    """
    return suffixes().privatesuffix(domain)


@cache
def suffixes() -> PublicSuffixList:
    return PublicSuffixList()
