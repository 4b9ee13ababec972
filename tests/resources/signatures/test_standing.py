"""What is published and told, for every verdict in every mode."""

import pytest

from resources.kubernetes.meta import Condition
from resources.signatures.policy import Mode, Result
from resources.signatures.request import Verdict
from resources.signatures.standing import Permitted, Standing, Verified, condition_of, permitted

OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
WAS = Verified(digest=OLD, policy="p", by="key 1")
NOW = Verified(digest=NEW, policy="p", by="key 1")
WHY = "why"


def known(status, reason, generation):
    return Condition(
        type="Verified",
        status=status,
        reason=reason,
        message=WHY,
        last_transition_time="2026-01-01T00:00:00Z",
        observed_generation=generation,
    )


def standing(mode, result, **more):
    verdict = Verdict(result, WHY, "key 1" if result is Result.VERIFIED else "") if result else None
    return Standing(mode, NEW, "p", verdict, **more)


REFUSED = [Result.NO_SIGNATURE, Result.NONE_MATCHES, Result.ROOT_UNKNOWN, Result.REGISTRY_FAILED]


@pytest.mark.parametrize("result", [*Result, None])
@pytest.mark.parametrize("published", ["", OLD, NEW])
@pytest.mark.parametrize("before", [None, WAS, NOW])
def test_enforced_only_what_is_verified_is_published(result, published, before):
    found = permitted(standing(Mode.ENFORCE, result), published, before)
    if result is Result.VERIFIED:
        assert found == Permitted(NEW, NOW)
    elif before is not None and before.digest == published:
        assert found == Permitted(published, before)
    elif result is Result.REGISTRY_FAILED:
        assert found == Permitted(refusal=("False", "RegistryFailed", WHY))
    elif result is None:
        text = f"Looking for signatures of {NEW}"
        assert found == Permitted(refusal=("Unknown", "Pending", text))
    else:
        assert found == Permitted(refusal=("False", "SignatureRefused", WHY))


@pytest.mark.parametrize("result", [*Result, None])
@pytest.mark.parametrize("before", [None, WAS, NOW])
def test_warned_all_is_published_and_only_what_is_verified_called_so(result, before):
    found = permitted(standing(Mode.WARN, result), OLD, before)
    is_known = result is Result.VERIFIED or (result is None and before == NOW)
    assert found == Permitted(NEW, NOW if is_known else None)


def test_off_nothing_is_called_verified():
    assert permitted(standing(Mode.OFF, Result.VERIFIED), OLD, NOW) == Permitted(NEW, None)


def test_a_missing_object_is_the_reason_for_what_is_not_published():
    found = permitted(standing(Mode.ENFORCE, None, missing=("Secret k does not exist",)), "", None)
    refusal = ("False", "ReferenceResolutionFailed", "Secret k does not exist")
    assert found == Permitted(refusal=refusal)


@pytest.mark.parametrize(
    ("result", "status", "reason"),
    [
        (Result.VERIFIED, "True", "Verified"),
        (Result.NO_SIGNATURE, "False", "NoSignature"),
        (Result.NONE_MATCHES, "False", "NoneMatches"),
        (Result.ROOT_UNKNOWN, "False", "RootUnknown"),
        (Result.REGISTRY_FAILED, "Unknown", "RegistryFailed"),
        (None, "Unknown", "Pending"),
    ],
)
@pytest.mark.parametrize("mode", [Mode.WARN, Mode.ENFORCE])
def test_the_condition_says_what_was_found_and_what_follows(mode, result, status, reason):
    for published in ("", OLD):
        draft = condition_of(standing(mode, result), None, published, 3)
        assert draft is not None
        assert (draft.type, draft.status, draft.reason) == ("Verified", status, reason)
        if result in REFUSED and mode is Mode.ENFORCE:
            assert ("nodes keep" in draft.message) == bool(published)
            assert ("is not installed" in draft.message) != bool(published)
        elif result in REFUSED and published:
            assert draft.message == f"{WHY}; it is installed all the same (mode Warn)"


def test_off_the_condition_says_so_and_without_a_digest_nothing():
    draft = condition_of(standing(Mode.OFF, None), None, NEW, 3)
    assert draft is not None
    assert (draft.status, draft.reason) == ("Unknown", "Off")
    assert condition_of(Standing(Mode.ENFORCE), None, "", 3) is None


@pytest.mark.parametrize(
    ("before", "stays"),
    [
        (known("False", "NoSignature", 3), True),
        (known("True", "Verified", 3), True),
        (known("True", "Verified", 2), False),
        (known("Unknown", "Off", 3), False),
        (None, False),
    ],
)
def test_while_nothing_is_known_the_condition_of_a_generation_stays(before, stays):
    assert (condition_of(standing(Mode.WARN, None), before, OLD, 3) is None) is stays
