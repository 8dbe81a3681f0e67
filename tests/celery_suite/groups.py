"""The groups that Celery's integration tests run in, each in a pytest process of its own."""

from collections.abc import Mapping, Sequence
from typing import Final

#: Where the tests are in Celery's source distribution.
FOLDER: Final = "t/integration"

#: What each group runs, of FOLDER. A group that names a file leaves out what another one takes of it.
GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "tasks": ["test_tasks.py"],
    "chain": ["test_canvas.py::test_chain"],
    "group": ["test_canvas.py::test_group"],
    "chord": ["test_canvas.py::test_chord"],
    "group_chains": ["test_group_chains.py"],
    "canvas": ["test_canvas.py"],  # results, link_error, stamping
    "inspect": ["test_inspect.py"],
    "worker": ["test_worker.py"],
    "security": ["test_security.py"],
    "backends": [
        "test_cache_backend.py",
        "test_database_backend.py",
        "test_redis_backend.py",
        "test_request_backend_down.py",
    ],
    # Apart: it starts and stops twenty workers, and where it is interrupted no other worker starts in its process.
    "fixtures": ["test_backend_leak_in_fixture_teardown.py"],
    "rest": ["."],
}

#: Nothing of these uses a broker: one measures memory for minutes, the other needs Azure.
LEFT_OUT: Final = ("test_mem_leak_in_exception_handling.py", "test_backend.py")

#: What `--part` runs. That for CI takes a few minutes, and all its tests are to pass: none fails by design.
PARTS: Final[Mapping[str, Sequence[str]]] = {"all": list(GROUPS), "ci": ["chain", "group", "canvas", "backends"]}


def selection(group: str) -> list[str]:
    """Arguments for pytest that select the tests of one group."""
    own = GROUPS[group]
    others = [path for name, paths in GROUPS.items() if name != group for path in paths]
    selected = [f"{FOLDER}/{path}" for path in own]
    if "." in own:
        files = sorted({path.partition("::")[0] for path in others}.union(LEFT_OUT))
        return [FOLDER, *(f"--ignore={FOLDER}/{file}" for file in files)]
    taken = [path for path in others for mine in own if path.startswith(f"{mine}::")]
    return [*selected, *(f"--deselect={FOLDER}/{path}" for path in taken)]
