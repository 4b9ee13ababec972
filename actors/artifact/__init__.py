"""The operator's actors of Rulesfile, Plugin and Config."""
