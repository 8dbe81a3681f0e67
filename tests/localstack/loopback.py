"""Run LocalStack on loopback only.

Its server takes the port of GATEWAY_LISTEN and drops the host, so it would listen on every
interface. This runs in LocalStack's own virtual environment.
"""

import functools

from localstack.runtime.main import main
from twisted.internet import endpoints

if __name__ == "__main__":
    endpoints.TCP4ServerEndpoint = functools.partial(endpoints.TCP4ServerEndpoint, interface="127.0.0.1")
    main()
