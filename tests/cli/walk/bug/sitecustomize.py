"""A bug of the operator that a Falco called `parked` runs into, planted when Python starts."""

from functools import wraps

try:
    from resources.falco import desired
except ImportError:  # another Python than that of the operator
    pass
else:
    _sound = desired.desired

    @wraps(_sound)
    def _broken(falco, *more):
        if falco.metadata.name == "parked":
            raise ZeroDivisionError("division by zero")
        return _sound(falco, *more)

    vars(desired)["desired"] = _broken
