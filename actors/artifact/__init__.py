"""The operator's actors of Rulesfiles, Plugins and Configs, and the indexes that they share."""
