"""TLS to the database: asked for in the URL, held against the authority that the URL names."""

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError

from orders.database import connect
from orders.faults import is_outage
from orders.store import OrderStore
from tests import certificate
from tests.mariadb import TLS_ALONE, MariaDB
from tests.unit.samples import an_arrival


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """The server's certificate, which is its own authority."""
    return certificate.make(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def server(tmp_path_factory, ours):
    """A server that lets nobody in without TLS."""
    one = MariaDB(
        tmp_path_factory.mktemp("mariadb"),
        f"--ssl-cert={ours.file}",
        f"--ssl-key={ours.key_file}",
        TLS_ALONE,
    )
    yield one
    one.stop()


@pytest.fixture(scope="module")
def url(server):
    """A database's URL, for the services' user."""
    return make_url(server.application(server.fresh()))


@pytest.fixture
def engine_of():
    """A function that makes an engine for a URL and what stands behind its question mark."""
    engines = []

    def make(url, **query):
        engines.append(connect(url.set(query=query).render_as_string(hide_password=False)))
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()


def refusal(engine):
    """The error with which an order is not stored."""
    with pytest.raises(OperationalError) as refused:
        OrderStore(engine).persist([an_arrival()])
    return refused.value


@pytest.mark.long
def test_a_connection_is_encrypted_and_orders_are_stored_over_it(url, ours, engine_of):
    engine = engine_of(url, ssl_ca=str(ours.file), ssl_check_hostname="true")
    with engine.connect() as connection:
        [(_, cipher)] = connection.execute(text("SHOW STATUS LIKE 'Ssl_cipher'"))
    assert cipher.startswith("TLS_")
    assert OrderStore(engine).persist([an_arrival()])


def test_a_server_with_a_certificate_of_another_authority_is_an_outage(url, tmp_path, engine_of):
    other = certificate.make(tmp_path)
    error = refusal(engine_of(url, ssl_ca=str(other.file), ssl_check_hostname="true"))
    assert "CERTIFICATE_VERIFY_FAILED" in str(error)
    assert is_outage(error)


def test_a_server_whose_certificate_names_another_host_is_an_outage(url, ours, engine_of):
    error = refusal(engine_of(url.set(host="localhost"), ssl_ca=str(ours.file), ssl_check_hostname="true"))
    assert "Hostname mismatch" in str(error)
    assert is_outage(error)


def test_a_server_without_tls_is_an_outage_where_the_url_asks_for_it(mariadb_server, ours, engine_of):
    url = make_url(mariadb_server.application(mariadb_server.fresh()))
    error = refusal(engine_of(url, ssl_ca=str(ours.file)))
    assert "SSL is required" in str(error)
    assert is_outage(error)


def test_a_plain_connection_is_refused_and_that_is_an_outage(url, engine_of):
    # MariaDB 10.11 says 1045, as to a wrong password; from 11.4 on it is 3159.
    error = refusal(engine_of(url, ssl_disabled="true"))
    assert error.orig.args[0] in {1045, 3159}
    assert is_outage(error)


def test_connections_without_options_share_a_context_and_those_with_options_do_not(url, engine_of, ours):
    def contexts(engine):
        with engine.connect() as one, engine.connect() as other:
            return [each.connection.driver_connection.ctx for each in (one, other)]

    plain, other = contexts(engine_of(url))
    assert plain is other
    verified = contexts(engine_of(url, ssl_ca=str(ours.file)))
    assert plain not in verified
