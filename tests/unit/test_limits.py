"""What a line of SHOW GRANTS gives, and to which databases."""

import pytest

from orders.grants.limits import Grant


@pytest.mark.parametrize("line", ['GRANT USAGE ON *.* TO "web"@"%" IDENTIFIED BY PASSWORD \'*B69027\'', "anything", ""])
def test_a_line_that_is_not_understood_is_no_right_that_is_overlooked_and_no_hash_is_shown(line):
    with pytest.raises(ValueError, match="is not understood") as raised:
        Grant.parsed(line)
    assert "B69027" not in str(raised.value)


@pytest.mark.parametrize(
    ("pattern", "database", "concerns"),
    [
        (r"shop\_1", "shop_1", True),
        (r"shop\_1", "shopX1", False),
        ("shop_1", "shopX1", True),
        ("%", "shop_1", True),
        ("sh%_1", "shop_1", True),
        ("SHOP%", "shop_1", True),  # as on a server with lower_case_table_names
        ("sh%2", "shop_1", False),
        ("m%l", "shop_1", True),  # who can write mysql's tables may do anything
    ],
)
def test_a_pattern_concerns_the_databases_that_it_matches(pattern, database, concerns):
    assert Grant.parsed(f"GRANT UPDATE ON `{pattern}`.* TO `web`@`%`").concerns(database) is concerns


def test_columns_may_have_any_names():
    grant = Grant.parsed("GRANT SELECT, UPDATE (`a, b`, `c) ON ``d`) ON `shop`.`orders` TO `web`@`%`")
    assert grant.rights == ("SELECT", "UPDATE (`a, b`, `c) ON ``d`)")
    assert str(grant.beyond({"orders": "SELECT"})) == "UPDATE (`a, b`, `c) ON ``d`) ON `shop`.`orders`"
