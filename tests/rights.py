"""Rules of a Role or ClusterRole, taken apart."""

from itertools import product


def rights(rules):
    """Every single right that the rules give: group, resource and verb."""
    return {
        right
        for rule in rules
        for right in product(rule["apiGroups"], rule["resources"], rule["verbs"])
    }
