"""What happened: the ledger of events, and the tallies that pages show."""
