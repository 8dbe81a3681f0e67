"""The Dockerfile says what an image should: pinned, small, not root, and the processes of the Procfile."""

import re
import shlex

import pytest

from config.settings import Settings
from tests.deployment.context import sent
from tests.deployment.dockerfile import Instruction, stages
from tests.processes import ROOT

PACKAGES = ("app", "celery_sqs", "config", "orders", "tasks")
BUILD, IMAGE = stages()


def test_every_base_is_pinned_to_a_patch_and_the_same():
    bases = {stage.base for stage in (BUILD, IMAGE)}
    assert len(bases) == 1, "what is built in one must run in the other"
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-[a-z]+", bases.pop())


def test_its_python_is_the_one_that_the_requirements_are_compiled_for():
    [minor] = set(re.findall(r"--python-version (\d+\.\d+)", (ROOT / "Makefile").read_text()))
    assert IMAGE.base.startswith(f"python:{minor}.")


def test_it_does_not_run_as_root():
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", IMAGE.last("USER").value), "a number, as an orchestrator knows no names"


def test_what_root_made_its_user_cannot_change():
    keywords = [instruction.keyword for instruction in IMAGE.instructions]
    assert not {"COPY", "ADD", "RUN"} & set(keywords[keywords.index("USER") :])
    owned = [each for each in IMAGE.all("COPY") if "--chown" in each.value or "--chmod" in each.value]
    assert owned == []


def test_it_is_web_unless_told_otherwise_and_without_a_shell():
    [web] = re.findall(r"^web: (.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert IMAGE.last("CMD").exec_form() == shlex.split(web)
    assert IMAGE.all("ENTRYPOINT") == []


def test_it_has_no_health_check_that_holds_for_web_alone():
    assert IMAGE.all("HEALTHCHECK") == []


def test_it_installs_what_the_product_runs_on_and_the_framework_and_keeps_no_installer():
    requirements, framework = [each.value for each in BUILD.all("RUN")]
    assert requirements.endswith("--only-binary :all: --requirement requirements.txt")
    assert framework.endswith("--no-deps .")
    uninstall, compiled = [each.value for each in IMAGE.all("RUN")]
    assert uninstall.startswith("pip uninstall ")
    assert compiled == "python -m compileall -q config orders tasks app"


def test_the_authorities_of_rds_are_there_for_its_user_to_read():
    [added] = IMAGE.all("ADD")
    source, target = added.words()
    assert source.startswith("https://truststore.pki.rds.amazonaws.com/")
    assert target == "/etc/ssl/certs/rds.pem"
    assert "--chmod=444" in added.value


def test_its_environment_is_pythons_and_settings():
    names = set(IMAGE.environment()) - {"PATH", "PYTHONDONTWRITEBYTECODE"}
    assert names <= {name.upper() for name in Settings.__dataclass_fields__}
    assert IMAGE.environment()["BIND_HOST"] == "0.0.0.0"  # noqa: S104  # in a container, all are its own


def test_all_files_of_the_product_are_sent_to_the_builder():
    files = {
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files <= set(sent())
    assert any(path.suffix == ".html" for path in files), "the workbench's pages"


def test_nothing_else_is():
    known = {"requirements.txt", "pyproject.toml", "flowerconfig.py"}
    others = [path for path in sent() if path.parts[0] not in PACKAGES and str(path) not in known]
    assert others == []
    assert not [path for path in sent() if path.suffix == ".pyc"]


@pytest.mark.parametrize("command", ["gunicorn -c config/gunicorn.py", '"gunicorn"', "['gunicorn']"])
def test_a_command_for_a_shell_is_recognised(command):
    assert Instruction("CMD", command).exec_form() is None


def test_an_ignored_folder_comes_back_by_the_last_pattern_that_matches(tmp_path):
    for name in ("kept/file", "kept/__pycache__/file", "left/file", "alone"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    ignore = tmp_path / "ignore"
    ignore.write_text("# a comment\n*\n!kept\n!alone\n**/__pycache__\n")
    assert [str(path) for path in sent(tmp_path, ignore)] == ["kept/file", "alone"]
    ignore.write_text("*\n!kept\n!left\nleft\n")
    assert [str(path) for path in sent(tmp_path, ignore)] == ["kept/__pycache__/file", "kept/file"]
