"""The actors of the Secrets and ConfigMaps that artifacts name."""
