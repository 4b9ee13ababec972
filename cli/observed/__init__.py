"""What commands know of a cluster: small facts, made of the objects that the user may see.

`facts` and `cells` are the values, `objects`, `pods` and `reports` make them, `reading` reads.
"""
