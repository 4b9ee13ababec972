import pytest

from resources.text.messages import shown_unquoted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("", "''"),
        ("a\nb", "'a\\nb'"),
        ("x" * 200, "x" * 100 + "…"),
        ("\u202eabc", "'\\u202eabc'"),
    ],
)
def test_foreign_text_is_shown_short_and_harmless(text, expected):
    assert shown_unquoted(text) == expected
