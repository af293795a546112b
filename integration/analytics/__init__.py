"""Analytics: the figures of orders and deliveries over business days, as tables that the page, the API and CSV tell alike."""
