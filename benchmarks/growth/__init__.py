"""What happens at ten, a hundred and a thousand times the load: see docs/growth.md."""
