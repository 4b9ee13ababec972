"""`kubectl falco why`: where a file or rule on a node comes from, and what overrides it."""
