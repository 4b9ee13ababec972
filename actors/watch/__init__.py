"""What the API server has told: watcher, store, view, router."""
