"""Who: users, accounts, credentials."""
