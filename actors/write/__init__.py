"""What the API server is told: writes, children, Events, retries."""
