"""Numbers in Arabic: the digits and signs of the receipts and the providers' devices, ``1,234.500``."""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
