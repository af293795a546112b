"""What open dashboards cost, with sharing and without: queries, calls to the server, calls to the hub."""
