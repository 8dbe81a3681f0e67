"""Each module can be imported where nothing is installed but what its group declares, in the oldest versions of it."""

import pytest

from tests.distribution import CORE, DECLARED, OPTIONAL, modules
from tests.package.conftest import run

pytestmark = [pytest.mark.package, pytest.mark.timeout(300)]

PROGRAM = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"


@pytest.mark.parametrize("group", DECLARED)
def test_all_modules_of_a_group_can_be_imported(install, group, tmp_path):
    # The core finds out what there is of what is optional.
    wanted = {group, CORE} if group in OPTIONAL else {group}
    names = [name for name, groups in modules().items() if wanted & set(groups)]
    run([install(group, "lowest-direct") / "python", "-c", PROGRAM, *names], tmp_path, {})
