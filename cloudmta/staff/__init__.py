"""What staff see before all tables of the admin: what waits, how the whole stands, and a search."""
