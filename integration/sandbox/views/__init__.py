"""The played providers' endpoints, one module each, and the owner's own."""
