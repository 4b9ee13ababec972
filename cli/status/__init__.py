"""`kubectl falco status`: what runs, which node has what, and what is wrong with its cause.

`facts` are what is observed, `observation` makes them of objects, the `of_…` modules make findings
of facts, `diagnosis` puts them together; `table` and `document` write them, `command` reads.
"""
