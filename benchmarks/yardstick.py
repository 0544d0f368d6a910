"""How fast this machine is at this moment: figures of two runs compare only as far as this does."""

import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

SIGNATURES = 500


def signature_microseconds() -> float:
    """Return the CPU time of one RSA-2048 signature, the greatest piece of work on a message."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    start = time.process_time()
    for _ in range(SIGNATURES):
        key.sign(b"yardstick", padding.PKCS1v15(), hashes.SHA256())
    return (time.process_time() - start) / SIGNATURES * 1e6
