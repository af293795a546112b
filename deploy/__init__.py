"""Running the production processes."""
