"""Falco's directories, crash-safe; no asyncio."""
