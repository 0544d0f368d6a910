"""Pages from which an application is connected: where the doors are, what it logs in with."""
