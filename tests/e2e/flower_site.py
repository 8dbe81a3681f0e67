"""A running Flower, as its visitors see it."""

import requests

OPERATOR = ("ada", "a-password-of-the-tests")


class FlowerSite:
    """Flower's pages and REST.

    Attributes:
        process: the process it runs in.
    """

    TIMEOUT = 15  # seconds

    def __init__(self, url, process):
        self.url = url
        self.process = process

    def answers(self):
        try:
            return requests.get(f"{self.url}/healthcheck", timeout=self.TIMEOUT).ok
        except requests.ConnectionError:
            return False

    def get(self, path, auth=OPERATOR):
        return requests.get(self.url + path, auth=auth, timeout=self.TIMEOUT)

    def post(self, path, **parameters):
        return requests.post(self.url + path, params=parameters, auth=OPERATOR, timeout=self.TIMEOUT)

    def json(self, path):
        answer = self.get(path)
        assert answer.ok, answer.text
        return answer.json()

    def tasks(self, query=""):
        """The tasks that Flower lists, by id."""
        return self.json(f"/api/tasks{query}")

    def workers(self):
        """The workers that it lists, by name."""
        return {worker["hostname"]: worker for worker in self.json("/workers?json=1")["data"]}

    def is_online(self, name):
        return self.workers().get(name, {}).get("status")
