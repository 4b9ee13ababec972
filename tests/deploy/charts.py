"""The chart as helm renders it, and where in it one finds what."""

import json

import yaml

from deploy.generate import CHART, ROOT, helm


def rendered(values=None, namespace="falco-operator", *flags):
    """The documents that these values make, by kind; HelmError if the values are refused."""
    given = [f"--set-json={key}={json.dumps(value)}" for key, value in (values or {}).items()]
    text = helm(
        "template", "falco-operator", ROOT / CHART, f"--namespace={namespace}", *given, *flags
    )
    documents = yaml.load_all(text, Loader=yaml.CSafeLoader)
    return {document["kind"]: document for document in documents}


def at(document, path):
    """What is at the path, whose parts are keys or indices; None if nothing is."""
    found = document
    for part in path.split("/"):
        if isinstance(found, list):
            found = found[int(part)] if int(part) < len(found) else None
        elif found is not None:
            found = found.get(part.replace("~1", "/"))
    return found


def leaves(values, path=""):
    """The paths of all values that are no mapping, or an empty one."""
    if not isinstance(values, dict) or not values:
        yield path.removeprefix("/")
        return
    for key, value in values.items():
        yield from leaves(value, f"{path}/{key}")


def cache_config(registry, remote):
    """The configuration of the chart's cache of a registry, without places of its container."""
    upstreams = [{"registry": registry, "remoteURL": remote}]
    values = json.dumps({"enabled": True, "upstreams": upstreams})
    template = "--show-only=templates/cache.yaml"
    text = helm("template", "falco-operator", ROOT / CHART, f"--set-json=cache={values}", template)
    [config] = [
        yaml.safe_load(document["data"]["config.yml"])
        for document in yaml.safe_load_all(text)
        if document and document["kind"] == "ConfigMap"
    ]
    del config["version"], config["http"], config["storage"]["filesystem"]
    return config
