"""Conditions and outputs of rules: fields, functions, values, event types, as libsinsp has them."""
