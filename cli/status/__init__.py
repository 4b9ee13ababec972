"""`kubectl falco status`: what runs, which node has what, and what is wrong with its cause.

The `of_…` modules make findings of facts, `diagnosis` puts them together; `text` and `document`
write them, `reading` reads, `command` is the command line.
"""
