"""What becomes of acknowledged events when something dies, hangs or lies."""
