"""Queue, workers and web of the model behave as the code and AWS do."""

import math
import random
from dataclasses import replace

import pytest

from bench.fleet.costs import (
    Costs,
    EmulatorCosts,
    StatementCosts,
    WebCosts,
    WorkerCosts,
    batch_size,
    worker_costs,
)
from bench.fleet.database import Database
from bench.fleet.events import Cores, Events
from bench.fleet.group_commit import GroupCommit
from bench.fleet.production import ROUND_TRIP, Fleet, intake, observe, worker_capacity
from bench.fleet.sqs import MAX_IN_FLIGHT, Aws, Queue
from bench.fleet.worker import Worker
from celery_sqs.aws.group_commit import MAX_ENTRIES, Limits
from celery_sqs.consume.polls import MOST_IN_FLIGHT
from tests.unit.bench.results import full

COSTS = Costs(
    worker=WorkerCosts(receive=0.0002, settle=0.0002, batch=0.002, start=0.0),
    statement=StatementCosts(statement=0.0003, insert=0.00001, row=0.00003),
    web=WebCosts(order=0.0006, call=0.001),
    emulator=EmulatorCosts(call=0.001, proxy=0.0002),
)
TENS = (10,)


class TestWorker:
    def test_a_worker_without_messages_computes_nothing_and_makes_three_calls_a_minute(self):
        fleet = Fleet(COSTS, workers=1)
        fleet.events.run(60.0)
        assert fleet.service.calls == 3
        assert fleet.counts()[3] == 0.0

    def test_a_worker_without_backlog_stores_what_arrives(self):
        seen = observe(COSTS, 500, 1, TENS, seconds=10.0)
        assert seen.rate == pytest.approx(500, rel=0.05)
        assert seen.busy < 0.6

    def test_a_lone_message_waits_for_nothing_but_half_a_round_trip_and_its_work(self):
        fleet = Fleet(COSTS, workers=1)
        fleet.events.run(1.0)
        fleet.queue.send([fleet.events.now])
        fleet.events.run(2.0)
        work = COSTS.worker.receive + COSTS.worker.batch + COSTS.statement.statement + COSTS.statement.row
        assert fleet.times == [pytest.approx(ROUND_TRIP / 2 + work + 0.005)]

    def test_batches_grow_with_the_load(self):
        little, much = (observe(COSTS, rate, 1, TENS, seconds=5.0) for rate in (300, 1900))
        assert little.batch < 15 < much.batch

    def test_polls_bound_a_worker_at_a_long_round_trip(self):
        round_trip = 0.2
        most = MOST_IN_FLIGHT * MAX_ENTRIES / round_trip
        assert worker_capacity(COSTS, round_trip=round_trip) == pytest.approx(most, rel=0.1)

    def test_cpu_bounds_a_worker_at_a_short_one(self):
        at_most = 1 / COSTS.worker.order
        assert 0.8 * at_most < worker_capacity(COSTS, round_trip=0.001) < at_most

    def test_what_a_batch_costs_beyond_what_was_measured_grows_with_it(self):
        costs = replace(COSTS.worker, largest=20)
        assert [costs.batch_of(size) for size in (1, 20, 100)] == [0.002, 0.002, 0.01]


class TestLittlesLaw:
    """What is in a system on average is what arrives in a second, times the seconds that each stays."""

    @pytest.mark.parametrize(("rate", "workers"), [(500, 1), (4000, 3)])
    def test_it_holds_for_orders_between_send_and_row(self, rate, workers):
        fleet, sent, inside = Fleet(COSTS, workers), [], []
        send = fleet.queue.send
        fleet.queue.send = lambda messages: (sent.extend(messages), send(messages))
        fleet.arrive(rate, TENS, random.Random(7))

        def sample():
            inside.append(len(sent) - fleet.database.rows)
            fleet.events.after(0.0007, sample)

        sample()
        fleet.events.run(20.0)
        stay = sum(fleet.times) / len(fleet.times)
        assert sum(inside) / len(inside) == pytest.approx(len(sent) / 20.0 * stay, rel=0.02)


class TestQuotaInFlight:
    def test_it_is_that_of_a_standard_queue(self):
        assert MAX_IN_FLIGHT == 120_000
        queue = Queue()
        queue.send([0.0] * 130_000)
        received = sum(len(queue.receive(10)) for _ in range(13_000))
        assert received == queue.in_flight == 120_000
        queue.delete(10)
        assert len(queue.receive(10)) == 10

    def test_it_bounds_a_fleet(self):
        # Two workers would have 400. Each message is in flight until its delete has arrived.
        free, bounded = (worker_capacity(COSTS, workers=2, quota=quota) for quota in (MAX_IN_FLIGHT, 100))
        assert bounded < 0.9 * free

    def test_a_fleet_goes_on_once_there_is_room_again(self):
        fleet = Fleet(COSTS, workers=2, quota=50)
        fleet.queue.send([0.0] * 5000)
        fleet.events.run(60.0)
        assert fleet.database.rows == 5000
        assert fleet.queue.most_in_flight == 50
        assert len(fleet.queue) == 0


class TestSqs:
    def test_a_long_poll_is_answered_when_a_message_arrives(self):
        events, queue, answers = Events(), Queue(), []
        service = Aws(events, 0.010)
        service.receive(queue, 10, 20.0, lambda messages: answers.append((events.now, len(messages))))
        events.after(5.0, lambda: queue.send([5.0]))
        events.run(30.0)
        assert answers == [(pytest.approx(5.005), 1)]

    def test_one_that_gets_nothing_is_answered_after_its_time(self):
        events, answers = Events(), []
        Aws(events, 0.010).receive(Queue(), 10, 20.0, lambda messages: answers.append((events.now, messages)))
        events.run(30.0)
        assert answers == [(pytest.approx(20.010), [])]

    def test_the_oldest_poll_gets_the_message(self):
        events, queue, answers = Events(), Queue(), []
        service = Aws(events, 0.010)
        for name in ("first", "second"):
            service.receive(queue, 10, 20.0, lambda messages, name=name: answers.append((name, len(messages))))
        events.after(1.0, lambda: queue.send([1.0]))
        events.run(2.0)
        assert answers == [("first", 1)]


class TestGroupCommit:
    def sizes(self, arrivals, limits):
        events, sizes = Events(), []

        def send(batch, done):
            sizes.append(len(batch))
            events.after(0.010, done)

        commits = GroupCommit(events, limits, send)
        for at in arrivals:
            events.after(at, lambda at=at: commits.add(at))
        events.run(10.0)
        return sizes

    def test_a_lone_entry_is_sent_at_once_and_what_comes_meanwhile_together(self):
        assert self.sizes([0.0, 0.001, 0.002, 0.003], Limits(linger=0, concurrency=4, capacity=100)) == [1, 3]

    def test_a_full_batch_waits_for_no_other(self):
        assert self.sizes([0.0] * 21, Limits(linger=0, concurrency=4, capacity=100)) == [1, 10, 10]

    def test_an_entry_lingers_for_others(self):
        assert self.sizes([0.0, 0.015, 0.019], Limits(linger=0.02, concurrency=4, capacity=100)) == [3]


class TestWeb:
    def test_an_order_is_answered_after_a_round_trip(self):
        seen = intake(COSTS, rate=5, processes=1, cores=1, seconds=20.0)
        assert min(seen.answers) == pytest.approx(ROUND_TRIP + COSTS.web.order + COSTS.web.call)

    def test_sends_fill_with_the_load(self):
        little, much = (intake(COSTS, rate=rate, processes=1, cores=1) for rate in (20, 1200))
        assert sum(little.sizes) / len(little.sizes) < 2
        assert sum(much.sizes) / len(much.sizes) > 8


def test_a_statement_takes_its_time_and_its_commit():
    events, done = Events(), []
    database = Database(events, Cores(events, math.inf), COSTS.statement, commit=0.005)
    database.commit([0.0] * 10, lambda: done.append(events.now))
    events.run(1.0)
    assert done == [pytest.approx(0.0003 + 10 * 0.00003 + 0.005)]
    assert (database.commits, database.rows) == (1, 10)


def test_workers_share_a_queue_and_store_each_order_once():
    events, rows = Events(), []
    queue, service = Queue(), Aws(events, ROUND_TRIP)
    database = Database(events, Cores(events, math.inf), COSTS.statement, stored=rows.extend)
    for _ in range(3):
        Worker(events, Cores(events, 1), service, queue, database, COSTS.worker, processes=2).start()
    queue.send([float(number) for number in range(1000)])
    events.run(60.0)
    assert sorted(rows) == [float(number) for number in range(1000)]


def test_a_workers_costs_are_found_again_in_what_three_runs_took():
    start, order, batch = 0.05, 0.0002, 0.001
    results = full()

    def took(record, workers, orders, batches):
        seconds = workers * start + order * orders + batch * batches
        record.update(stored=orders, orders=orders, batches=batches, cpu_ms=seconds * 1000 / orders)

    for record in results["drain"]:
        took(record, 1, 4000, 80)
    for record in results["scale"]:
        took(record, record["workers"], 4000, 70 + record["workers"])
    for record in results["steady"]:
        took(record, 1, 12_000, 2000)
    found = worker_costs(results)
    assert (found.start, found.order, found.batch) == pytest.approx((start, order, batch))
    assert batch_size(results) == 50
