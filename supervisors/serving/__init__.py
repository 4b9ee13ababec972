"""HTTP servers as actors: where they listen, and what one client may use of them."""
