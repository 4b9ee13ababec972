"""The language of rules files, as Falco loads them."""
