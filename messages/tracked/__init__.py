"""Tracked mail: the copies that carry our links, and the door where those links lead."""
