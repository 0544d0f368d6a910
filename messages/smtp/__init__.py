"""SMTP itself, both sides: bytes in and values out, no Django, no I/O (RFC 5321, 6409)."""
