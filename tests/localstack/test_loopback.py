"""The emulators of the tests serve this machine and nobody else."""

import psutil


def test_an_emulator_listens_on_loopback_only(emulator):
    server = psutil.Process(emulator.pid)
    listening = {
        connection.laddr
        for process in [server, *server.children(recursive=True)]
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {(address.ip, address.port) for address in listening} == {("127.0.0.1", emulator.port)}
