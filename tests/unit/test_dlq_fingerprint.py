"""The fingerprint: the same for the same reason, whatever differs from message to message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_sqs.dlq.fingerprint import LENGTH, fingerprint, place

OUR_FRAME = '  File "/srv/app/tasks/orders.py", line 76, in persist_order\n    raise ValueError\n'
FOREIGN_FRAME = '  File "/srv/.venv/lib/python3.11/site-packages/pymysql/err.py", line 3, in check\n    raise x\n'


def of(error="it failed", task="persist_order", kind="own", error_class="ValueError", traceback=""):
    return fingerprint(task, kind, error_class, error, traceback)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("order 17 is late", "order 4711 is late"),
        ("no such order 5f0c1a34-9d1c-4c62-8b3a-0d6f3c1f5e11", "no such order 1b4e28ba-2fa1-4d2b-883f-0016d3cca427"),
        ("no such product 'Widget'", "no such product 'It\\'s mine'"),
        ("<Thing at 0x7f2d3c>", "<Thing at 0x12ab34>"),
        ("Order(product_name='Widget', quantity=2)", "Order(product_name='Gadget', quantity=3)"),
        ("(1644, 'no')\n[SQL: INSERT x]\n[parameters: [1]]", "(1644, 'no')\n[SQL: INSERT y, y]\n[parameters: [2, 3]]"),
        ("x" * 3000 + "a", "x" * 3000 + "b"),
    ],
    ids=["number", "uuid", "quoted", "address", "field", "statement", "end-of-a-long-text"],
)
def test_the_same_reason_has_the_same_fingerprint(one, other):
    assert of(one) == of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"error": "{'quantity': ['Must be a whole number.']}"}, {"error": "{'userId': ['Must be a whole number.']}"}),
        ({"error": "{'quantity': ['Too many.']}"}, {"error": "{'quantity': ['Missing data.']}"}),
        ({"error": "(1644, 'not in this house')"}, {"error": "(1644, 'not on a Sunday')"}),
        ({"kind": "own"}, {"kind": "lost"}),
        ({"task": "persist_order"}, {"task": "send_mail"}),
        ({"error_class": "ValueError"}, {"error_class": "TypeError"}),
        ({"traceback": OUR_FRAME}, {"traceback": OUR_FRAME.replace("persist_order", "another")}),
    ],
    ids=["bad-field", "what-is-wrong-with-it", "database-says", "kind", "task", "class", "place"],
)
def test_another_reason_has_another_fingerprint(one, other):
    assert of(**one) != of(**other)


def test_the_place_is_our_last_frame_without_folder_and_line():
    assert place(OUR_FRAME + FOREIGN_FRAME) == "orders.py persist_order"
    moved = OUR_FRAME.replace("/srv/app", "/opt/release-2").replace("line 76", "line 99")
    assert of(traceback=OUR_FRAME) == of(traceback=moved)


def test_a_traceback_without_a_frame_of_ours_has_no_place():
    assert place(FOREIGN_FRAME) == place("") == place('  File "<string>", line 1, in <module>') == ""


@given(*[st.text(st.characters())] * 5)
def test_anything_has_a_fingerprint(task, kind, error_class, error, traceback):
    assert len(fingerprint(task, kind, error_class, error, traceback)) == LENGTH
    assert int(fingerprint(task, kind, error_class, error, traceback), 16) >= 0
