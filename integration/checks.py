"""What Django's check command says about our settings."""
