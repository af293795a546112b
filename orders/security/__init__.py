"""Who gets in, for how long, and what a browser may do with what we answer."""
