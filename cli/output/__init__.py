"""How answers are written: tables, lists, colours."""
