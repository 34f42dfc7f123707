"""What the tests of exercises share: answers as readers give them, wrong ones and right ones."""

import pytest

from exercises import check, numbers


def each(answers):
    """Return the cases of a test, one for each answer: its exercise, and the answer."""
    return [
        pytest.param(number, answer, id=f"{number}-{i}")
        for number, several in answers.items()
        for i, answer in enumerate(several)
    ]


def refused(number, answer):
    """Check an answer that is wrong, and neither too short nor missing; return what was said."""
    verdict = check(number, answer)
    assert not verdict
    assert "give three digits" not in verdict.message
    assert "not yet" not in verdict.message
    return verdict


def accepted(number, answer):
    """Check an answer that is right."""
    verdict = check(number, answer)
    assert verdict, verdict.message


def complete(wrong, right, *chapters):
    """Check that each exercise of the chapters has six wrong answers and two right ones."""
    ours = [number for number in numbers() if int(number.split(".")[0]) in chapters]
    assert sorted(wrong) == sorted(right) == sorted(ours)
    assert all(len(answers) >= 6 for answers in wrong.values())
    assert all(len(answers) >= 2 for answers in right.values())
