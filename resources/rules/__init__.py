"""Rules files and their language, checked as Falco's engine loads them."""
