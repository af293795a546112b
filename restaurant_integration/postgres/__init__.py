"""Django's Postgres backend for the processes that serve requests."""
