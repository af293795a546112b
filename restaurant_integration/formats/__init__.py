"""How numbers are written where Django's own way differs from what stands on the providers' devices."""
