import re

import pytest

from isthmus.cli.nats.templates import TemplateError, render

NOW_NS = 1_793_676_040_170_759_701


def filled(text: str) -> str:
    return render(text, count=7, wall_ns=NOW_NS)


def test_text_without_templates_is_untouched():
    assert filled("a { b }} c") == "a { b }} c"


@pytest.mark.parametrize("text", ["{{Count}}", "{{.Count}}", "{{ Count }}", "{{Cnt}}"])
def test_the_number_of_the_message(text):
    assert filled(f"<{text}>") == "<7>"


def test_times():
    assert filled("{{Unix}} {{UnixNano}}") == f"{NOW_NS // 10**9} {NOW_NS}"
    assert re.fullmatch(r"\d{1,2}:\d\d[AP]M", filled("{{Time}}"))
    stamp = filled("{{TimeStamp}}")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", stamp)


def test_ids_are_unique():
    found = filled("{{ID}} {{ID}}").split()
    assert len({*found}) == 2
    assert all(re.fullmatch(r"[0-9A-Za-z]{22}", one) for one in found)


def test_random_text_has_a_length_between_the_two():
    lengths = {len(filled("{{Random 3 5}}")) for _ in range(200)}
    assert lengths == {3, 4, 5}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{Foo}}", 'function "Foo" not defined'),
        ("{{if .X}}", '"if .X" is not understood'),
        ("{{Count", "unclosed action"),
        ("{{}}", "not understood"),
        ("{{Random 5}}", "two lengths"),
        ("{{Random 5 4}}", "shortest <= longest"),
        ("{{Random 5 99999999999}}", "shortest <= longest"),
    ],
)
def test_what_is_not_understood_is_said(text, problem):
    with pytest.raises(TemplateError, match=problem):
        filled(text)
