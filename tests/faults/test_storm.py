"""A short storm passes without harm, its weather can be had again, and harm would be noticed."""

from collections import Counter

import pymysql
import pytest
from sqlalchemy import make_url

from tests.faults.journal import Journal
from tests.faults.oracle import judge
from tests.faults.stage import Stage
from tests.faults.storm import Storm
from tests.faults.weather import AFTERMATH, BEARABLE, KINDS, forecast

SEED = 7  # a child, a worker and the database are killed, deletions lost, bad mail and a rush sent
SECONDS = 7
VISIBILITY_TIMEOUT = 3  # seconds; half of what a real storm has, so that all its faults are half as long


@pytest.fixture(scope="module")
def stage(emulator, mariadb_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("storm")
    with Stage(emulator, mariadb_server, folder, VISIBILITY_TIMEOUT, seed=SEED) as one:
        yield one


def test_a_short_storm_loses_no_order_doubles_none_and_kills_none(stage, mariadb_server, tmp_path):
    faults = forecast(SEED, SECONDS, VISIBILITY_TIMEOUT)
    journal = Journal(tmp_path / "journal.log")
    report = Storm(stage, mariadb_server, faults, journal).run(SEED)
    assert report.clean, f"{report}\n{journal.path.read_text()}"
    assert report.stored == report.accepted > 100
    assert report.faults == Counter(fault.kind for fault in faults)


def test_the_oracle_objects_when_a_stored_order_is_taken_away(stage):
    taken = next(iter(stage.ledger.accepted))
    url = make_url(stage.database_url)
    with pymysql.connect(
        host=url.host,
        port=url.port,
        user=url.username,
        password=url.password,
        database=url.database,
        autocommit=True,
    ) as connection:
        connection.cursor().execute("DELETE FROM orders WHERE order_id = %s", (taken,))
    assert judge(stage.ledger, stage.database_url, stage.queues).lost == [taken]


def test_the_same_seed_brings_the_same_weather_and_another_seed_another():
    assert forecast(1, 60, 6) == forecast(1, 60, 6)
    assert forecast(1, 60, 6) != forecast(2, 60, 6)


def test_ten_storms_bring_every_kind_of_fault():
    assert {fault.kind for seed in range(1, 11) for fault in forecast(seed, 60, 6)} == KINDS.keys()


@pytest.mark.parametrize("seed", range(20))
def test_faults_come_in_order_and_end_in_time(seed):
    faults = forecast(seed, 60, 6)
    assert faults == sorted(faults, key=lambda fault: fault.start)
    assert max(fault.end for fault in faults) <= 60


@pytest.mark.parametrize("seed", range(20))
def test_no_order_can_lose_all_its_receives_to_faults_that_are_not_its_own(seed):
    burning = [fault for fault in forecast(seed, 60, 6) if KINDS[fault.kind].burns]
    for fault in burning:
        felt = [other for other in burning if other.start <= fault.start < other.end + AFTERMATH * 6]
        assert len(felt) <= BEARABLE


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_broken_that_is_broken_already(seed):
    faults = forecast(seed, 60, 6)
    for number, fault in enumerate(faults):
        later = (other for other in faults[number + 1 :] if other.realm == fault.realm)
        assert all(other.start >= fault.end for other in later)
