"""The queues of these tests, and what is known of an emulator that does not do as AWS documents."""

import pytest

from tests.emulator import Queues


@pytest.fixture
def queues(emulator):
    both = Queues.fresh(emulator, 1, receive_wait=0)
    yield both
    both.delete()


@pytest.fixture
def fifo(emulator):
    both = Queues.fresh(emulator, 1, receive_wait=0, suffix=".fifo")
    yield both
    both.delete()


@pytest.fixture(autouse=True)
def _differences(request):
    """A test of what an emulator is known to do otherwise fails there; a difference that is gone is to be noticed."""
    marker, callspec = request.node.get_closest_marker("differs"), getattr(request.node, "callspec", None)
    if marker is not None and callspec is not None and callspec.params["emulator"] in marker.args:
        request.applymarker(
            pytest.mark.xfail(
                strict=True, reason="this emulator does otherwise than AWS documents, see docs/emulators.md"
            )
        )
