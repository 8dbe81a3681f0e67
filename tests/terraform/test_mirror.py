"""The provider is found wherever somebody has put or named it, and no path of any machine is needed for it."""

import pytest

from tests.terraform import module
from tests.terraform.mirror import DEPTH, PROVIDER, candidates


@pytest.fixture
def make(tmp_path):
    """A function that makes a mirror and returns its folder."""

    def make(*parts):
        folder = tmp_path.joinpath(*parts)
        (folder / PROVIDER / "5.100.0").mkdir(parents=True)
        return folder

    return make


@pytest.fixture
def found(tmp_path):
    """A function that returns what is found with some variables set, and below some roots."""

    def found(*roots, **environment):
        return list(candidates({"HOME": str(tmp_path / "home"), "XDG_DATA_DIRS": "/nowhere"} | environment, roots))

    return found


def test_nothing_is_found_where_there_is_nothing(found, tmp_path):
    assert found(tmp_path, TF_PLUGIN_DIR=str(tmp_path), TF_PLUGIN_CACHE_DIR=str(tmp_path / "away")) == []


def test_a_mirror_of_other_providers_is_none(found, tmp_path):
    (tmp_path / PROVIDER.with_name("random")).mkdir(parents=True)
    assert found(tmp_path) == []


def test_our_own_variable_names_it(found, make):
    folder = make("named")
    assert found(TF_PLUGIN_DIR=str(folder)) == [folder]


@pytest.mark.parametrize("variable", ["TF_CLI_ARGS_init", "TF_CLI_ARGS"])
@pytest.mark.parametrize(
    "arguments", ["-plugin-dir={}", "-upgrade -plugin-dir={} -input=false", "--plugin-dir={}", "-plugin-dir {}"]
)
def test_the_arguments_of_every_command_name_it(found, make, variable, arguments):
    folder = make("named")
    assert found(**{variable: arguments.format(folder)}) == [folder]


@pytest.mark.parametrize(
    "text",
    [
        'provider_installation {{\n  filesystem_mirror {{\n    path = "{}"\n  }}\n}}\n',
        'plugin_cache_dir="{}"',
        'plugin_cache_dir = "${{BASE}}/named"',
    ],
    ids=["mirror", "cache", "variable"],
)
@pytest.mark.parametrize("named", [True, False], ids=["TF_CLI_CONFIG_FILE", "terraformrc"])
def test_a_cli_configuration_names_it(found, make, tmp_path, text, named):
    folder = make("named")
    file = tmp_path / "rc" if named else tmp_path / "home" / ".terraformrc"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text.format(folder))
    variables = {"TF_CLI_CONFIG_FILE": str(file)} if named else {}
    assert found(BASE=str(tmp_path), **variables) == [folder]


def test_what_a_cli_configuration_has_commented_out_does_not_count(found, make, tmp_path):
    (tmp_path / "rc").write_text(f'# plugin_cache_dir = "{make("named")}"\n')
    assert found(TF_CLI_CONFIG_FILE=str(tmp_path / "rc")) == []


def test_a_cli_configuration_that_is_missing_is_none(found, tmp_path):
    assert found(TF_CLI_CONFIG_FILE=str(tmp_path / "away")) == []


def test_the_plugin_cache_is_one(found, make):
    folder = make("cache")
    assert found(TF_PLUGIN_CACHE_DIR=str(folder)) == [folder]


@pytest.mark.parametrize("place", [".terraform.d/plugins", ".local/share/terraform/plugins"])
def test_terraforms_own_folders_are_some(found, make, place):
    folder = make("home", *place.split("/"))
    assert found() == [folder]


@pytest.mark.parametrize("variable", ["XDG_DATA_HOME", "XDG_DATA_DIRS"])
def test_so_are_those_of_the_desktop(found, make, tmp_path, variable):
    folder = make("data", "terraform", "plugins")
    assert found(**{variable: str(tmp_path / "data")}) == [folder]


@pytest.mark.parametrize("depth", range(DEPTH))
def test_it_is_searched_below_the_roots(found, make, tmp_path, depth):
    folder = make("root", *(f"level{level}" for level in range(depth)))
    assert found(tmp_path / "away", tmp_path / "root") == [folder]


def test_the_search_goes_no_deeper(found, make, tmp_path):
    make("root", *(f"level{level}" for level in range(DEPTH)))
    assert found(tmp_path / "root") == []


def test_the_search_follows_no_link(found, make, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(make("elsewhere"))
    assert found(root) == []


def test_what_is_named_comes_before_what_is_found_and_each_once(found, make, tmp_path):
    named, cache, other = make("root", "named"), make("cache"), make("root", "a")
    variables = {"TF_PLUGIN_DIR": str(named), "TF_PLUGIN_CACHE_DIR": str(cache)}
    assert found(tmp_path / "root", **variables) == [named, cache, other]


def test_terraform_is_not_told_of_a_configuration_that_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "rc"))
    assert "TF_CLI_CONFIG_FILE" not in module.environment()
    (tmp_path / "rc").touch()
    assert module.environment()["TF_CLI_CONFIG_FILE"] == str(tmp_path / "rc")


def test_terraform_is_told_nothing_that_leads_to_aws(monkeypatch):
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "TF_VAR_name", "TF_CLI_ARGS_init"):
        monkeypatch.setenv(name, "of this machine")
    assert "of this machine" not in module.environment().values()
