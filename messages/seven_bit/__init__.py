"""Bring a content into the 7-bit form that leaves: bytes in, bytes out, and no Django."""

from messages.seven_bit.entity import to_seven_bit
from messages.seven_bit.lines import CannotEncode

__all__ = ["CannotEncode", "to_seven_bit"]
