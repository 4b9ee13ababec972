"""The actors of Falco and Component."""
