"""Server-side applies to the real API server."""

import json
from urllib.parse import urlencode

from resources.kubernetes.kinds import collection_path

MANAGER = "falco-controller"


def patch(control_plane, path, body, content_type, **query):
    """The HTTP status and the object or Status that came back."""
    answer = control_plane.client.request(
        "PATCH", f"{path}?{urlencode(query)}", body, **{"Content-Type": content_type}
    )
    return answer.status, json.loads(answer.body)


def apply(control_plane, body, manager=MANAGER, **query):
    """The outcome of a forced apply of a whole object."""
    metadata = body["metadata"]
    collection = collection_path(body["kind"], metadata.get("namespace", ""))
    return patch(
        control_plane,
        f"{collection}/{metadata['name']}",
        body,
        "application/apply-patch+yaml",
        fieldManager=manager,
        force="true",
        **query,
    )
