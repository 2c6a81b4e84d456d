import pytest

from isthmus.sharing.finding import CODES, HOPS, Explanation, Finding, Hop, by_hop


def finding(hop, code="stale", **more):
    return Finding(code=code, hop=hop, cause=f"something at {hop}", **more)


def test_a_code_outside_the_list_is_refused():
    with pytest.raises(AssertionError):
        finding("import", code="no_such_code")


def test_a_hop_outside_the_list_is_refused():
    with pytest.raises(AssertionError):
        finding("somewhere")


def test_findings_stand_in_the_order_of_the_hops_and_once_each():
    late, early = finding("acknowledged"), finding("permissions")
    assert by_hop([late, early, late]) == (early, late)


def test_findings_of_one_hop_keep_their_order():
    first, second = finding("export", subject="a"), finding("export", subject="b")
    assert by_hop([first, second]) == (first, second)
    assert by_hop([second, first]) == (second, first)


def test_a_cause_can_not_break_out_of_its_line():
    sly = Finding(code="stale", hop="pushed", cause="name\n[ OK ] all is well\x1b[2J")
    assert sly.cause == "name\\n[ OK ] all is well\\x1b[2J"


def test_an_explanation_is_ok_exactly_without_findings():
    unknown = Hop(name="pushed", state="unknown", text="not asked")
    assert Explanation(account="A", what="s", hops=(unknown,)).ok
    assert not Explanation(account="A", what="s", findings=(finding("import"),)).ok


def test_the_document_has_the_agreed_names():
    hop = Hop(name="import", state="broken", text="no import", subject="s")
    document = Explanation(
        account="A", what="s", hops=(hop,), findings=(finding("import", subject="s", fix=("x",)),)
    ).document()
    assert document == {
        "ok": False,
        "account": "A",
        "what": "s",
        "hops": [{"hop": "import", "state": "broken", "text": "no import", "subject": "s"}],
        "findings": [
            {
                "code": "stale",
                "hop": "import",
                "subject": "s",
                "cause": "something at import",
                "fix": ["x"],
            }
        ],
    }


def test_codes_are_words_and_their_meanings_are_clauses():
    for code, meaning in CODES.items():
        assert code.replace("_", "").isalpha() and code.islower()
        assert meaning and not meaning.endswith(".") and "\n" not in meaning
    assert len(set(HOPS)) == len(HOPS) == 9
