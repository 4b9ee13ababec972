from resources.kubernetes.invalid_spec import InvalidSpec


def test_the_message_names_field_value_and_what_is_allowed():
    error = InvalidSpec("spec.version", "a\nb", "a tag")
    assert str(error) == "spec.version: 'a\\nb' is not valid; allowed is a tag"


def test_a_long_value_is_shortened():
    assert len(str(InvalidSpec("f", "x" * 10_000, "y"))) < 120
