"""The project: settings, URLs and the processes."""
