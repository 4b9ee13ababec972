"""Documents come back byte by byte, in a fraction of the memory; equal metadata is one object."""

import gc
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.watch.compact import Compactor, Packed, Packer
from actors.watch.store import Store, snapshot_of
from actors.watch.view import View
from resources.falco.desired import FalcoSettings, desired
from resources.falco.spec import Falco
from resources.kubernetes.meta import ObjectMeta
from resources.kubernetes.reference import ObjectRef


def unpacked(document):
    return document.unpacked() if isinstance(document, Packed) else document


def size(document):
    return len(document.content if isinstance(document, Packed) else document)


def daemon_set(number, **changes):
    """What the operator applies for one Falco, with what the API server adds."""
    falco = Falco(metadata=ObjectMeta(name=f"falco-{number}", namespace="falco", uid=str(number)))
    body = dict(desired(falco, FalcoSettings())[-1].body)
    added = {
        "uid": f"{random.Random(number).getrandbits(128):032x}",
        "resourceVersion": str(number),
    }
    return msgspec.json.encode({**body, "metadata": {**body["metadata"], **added}, **changes})


@given(st.lists(st.binary(max_size=2000), max_size=12))
def test_any_document_comes_back_whatever_was_packed_after_it(documents):
    packer = Packer()
    packed = [packer.pack(document) for document in documents]
    assert list(map(unpacked, packed)) == documents


def test_documents_of_one_kind_take_a_tenth_of_their_size():
    packer = Packer()
    packer.pack(daemon_set(0))
    for number in range(1, 20):
        document = daemon_set(number)
        packed = packer.pack(document)
        assert size(packed) * 10 < len(document)
        assert unpacked(packed) == document


def test_documents_with_something_new_become_small_once_one_of_them_is_known():
    packer = Packer()
    for number in range(4):
        packer.pack(daemon_set(number))
    noise = random.Random(1).randbytes(4000).hex()
    sizes = [size(packer.pack(daemon_set(number, status=noise))) for number in range(4, 40)]
    assert sizes[0] > 4000
    assert sizes[-1] * 10 < len(noise)


def test_the_dictionary_is_replaced_less_often_than_documents_double():
    packer, noise = Packer(), random.Random(1)
    packed = [packer.pack(noise.randbytes(1000).hex().encode()) for _ in range(1000)]
    dictionaries = {known.dictionary for known in packed if isinstance(known, Packed)}
    assert len(dictionaries) <= 12
    assert max(map(len, dictionaries)) <= 1 << 15


@pytest.mark.parametrize("length", [255, 300_000])
def test_what_cannot_become_smaller_is_kept_as_it_is(length):
    document = random.Random(1).randbytes(length)
    assert Packer().pack(document) is document


def test_equal_parts_of_metadata_are_one_object():
    compactor = Compactor()
    document = {
        "name": "falco",
        "namespace": "falco",
        "labels": {"app": "falco"},
        "annotations": {"owner": "falco"},
        "finalizers": ["x"],
        "ownerReferences": [{"apiVersion": "v1", "kind": "Falco", "name": "falco", "uid": "1"}],
    }
    raw = msgspec.json.encode(document)
    one, other = (msgspec.json.decode(raw, type=ObjectMeta) for _ in range(2))
    first, second = compactor.metadata(one), compactor.metadata(other)
    assert first == second == one
    for field in ("name", "labels", "annotations", "finalizers", "owner_references"):
        assert getattr(first, field) is getattr(second, field)


def test_values_without_end_are_not_remembered():
    compactor = Compactor()
    for number in range(10_000):
        compactor.metadata(ObjectMeta(labels={"number": str(number)}))
    assert len(compactor._values) <= 4096


def test_the_store_and_a_view_show_the_document_as_it_came():
    store = Store()
    documents = [daemon_set(number) for number in range(1, 5)]
    snapshots = [snapshot_of("DaemonSet", document) for document in documents]
    store.replace("DaemonSet", snapshots[:2], 2)
    changed = store.put(snapshots[2])
    view = View(store)
    view.wrote(snapshots[3])
    shown = [found for snapshot in snapshots if (found := view.get(snapshot.ref))]
    assert [snapshot.raw for snapshot in shown] == documents
    assert [snapshot.meta for snapshot in shown] == [snapshot.meta for snapshot in snapshots]
    assert all(isinstance(snapshot.document, Packed) for snapshot in shown)
    assert changed.after is snapshots[2]  # whoever is told first need not unpack it


def test_the_answer_to_a_write_and_its_watch_event_have_one_reference():
    store = Store()
    view = View(store)
    view.wrote(snapshot_of("DaemonSet", daemon_set(1)))
    wanted = ObjectRef("DaemonSet", "falco", "falco-1")
    of_answer = view.kept(wanted)
    store.put(snapshot_of("DaemonSet", daemon_set(1)))
    assert of_answer == wanted
    assert of_answer is view.kept(wanted) is not wanted


def test_the_garbage_collector_never_looks_at_a_snapshot_that_is_kept():
    store = Store()
    store.put(snapshot_of("DaemonSet", daemon_set(1)))
    (kept,) = store.of_kind("DaemonSet")
    assert not any(map(gc.is_tracked, (kept, kept.meta, kept.document)))
