"""What the actors do, for whoever asks: the dump, and the trace of all in one timeline."""
