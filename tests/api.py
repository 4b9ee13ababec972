"""Plain requests to the API server as administrator, by kind and name, in the test's own words."""

import json
from contextlib import contextmanager
from http.client import HTTPException, HTTPSConnection
from threading import Thread

from deploy.local.client import RefusedError
from resources.kubernetes.kinds import KINDS, collection_path, object_path
from resources.kubernetes.reference import ObjectRef

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


class Api:
    """The administrator's requests; a missing object is None, any other refusal an error."""

    def __init__(self, control_plane):
        self._client = control_plane.client

    def create(self, document):
        return self._client.call("POST", _collection_of(document), document)

    def get(self, kind, namespace, name):
        try:
            return self._client.call("GET", object_path(ObjectRef(kind, namespace, name)))
        except RefusedError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind, namespace="", selector=""):
        path = f"{collection_path(kind, namespace)}?labelSelector={selector}"
        return self._client.call("GET", path)["items"]

    def delete(self, kind, namespace, name):
        """Delete it if it is there; what depends on it goes in the background."""
        path = f"{object_path(ObjectRef(kind, namespace, name))}?propagationPolicy=Background"
        try:
            self._client.call("DELETE", path)
        except RefusedError as error:
            if error.status != 404:
                raise

    def clear(self, kind, namespace):
        """Delete all of a kind in a namespace."""
        self._client.call("DELETE", collection_path(kind, namespace))

    def merge(self, kind, namespace, name, patch, subresource="", *, by="administrator"):
        """Merge patch, `by` a field manager."""
        path = "/".join(filter(None, (object_path(ObjectRef(kind, namespace, name)), subresource)))
        return self._patch(f"{path}?fieldManager={by}", patch, MERGE)

    def take(self, document, manager):
        """Server-side apply with force, as somebody else's field manager."""
        path = f"{_collection_of(document)}/{document['metadata']['name']}"
        return self._patch(f"{path}?fieldManager={manager}&force=true", document, APPLY)

    @contextmanager
    def history(self, kind, namespace, name):
        """A list that grows by every state that the object goes through, while in the context."""
        path = f"{collection_path(kind, namespace)}?watch=1&fieldSelector=metadata.name={name}"
        states: list[dict] = []
        connection = self.connection()
        connection.request("GET", path)
        reader = Thread(target=_collect, args=(connection.getresponse(), states), daemon=True)
        reader.start()
        try:
            yield states
        finally:
            connection.sock.shutdown(2)
            reader.join()
            connection.close()

    def connection(self):
        """A connection of one's own, for requests whose moment matters."""
        client = self._client
        connection = HTTPSConnection("127.0.0.1", client._port, timeout=60, context=client._tls)
        connection.connect()
        return connection

    def _patch(self, path, body, content_type):
        answer = self._client.request("PATCH", path, body, **{"Content-Type": content_type})
        if not 200 <= answer.status < 300:
            raise RefusedError("PATCH", path, answer.status, answer.body)
        return json.loads(answer.body)


def _collection_of(document):
    namespace = document["metadata"].get("namespace", "")
    return collection_path(document["kind"], namespace)


def _collect(response, states):
    try:
        for line in response:
            states.append(json.loads(line)["object"])
    except (OSError, HTTPException, ValueError):
        pass  # cut off by the end of the context


def manifest(kind, namespace, name, **fields):
    """A document of one of our kinds; metadata can be added to, all else is as given."""
    scope = {"namespace": namespace} if namespace else {}
    metadata = {"name": name, **scope, **fields.pop("metadata", {})}
    return {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": metadata, **fields}
