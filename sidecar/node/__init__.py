"""The actors of a node, and what they share."""
