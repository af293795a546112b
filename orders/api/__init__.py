"""The endpoints of orders: reading, moving, following, exporting, counting."""
