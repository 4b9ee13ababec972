"""Protection of the Secrets and ConfigMaps that artifacts name: actors, watches, Store, index."""
