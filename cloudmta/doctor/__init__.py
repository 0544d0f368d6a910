"""What keeps mail from being taken, kept or delivered here, and what to do about it."""
