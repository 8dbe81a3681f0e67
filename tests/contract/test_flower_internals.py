"""What we replace in Flower, and in Celery's remote control, is still there and still what ours was written against."""

import inspect
import json
import pkgutil
import re
import subprocess
import sys

import pytest
from tornado.options import options

from celery_sqs.monitor.flower.broker import Broker
from celery_sqs.monitor.flower.events import Events
from celery_sqs.overrides import REPLACED_IN_FLOWER
from tests.processes import ROOT

# sha256 of the source of what we replace, of what calls it, and of what decides what it has to do.
PINNED = {
    "celery.app.control.Control.broadcast": "2f173e5e42a207a7f528f362ed03e697742ba72339bbf90d4904c80ea1d5118e",
    "celery.app.control.Inspect._prepare": "b87e98c80441a997aaac1d7fde76734d153799131dd79c63f95f4ffb6ac2d00d",
    "celery.app.control.Inspect._request": "f5d8763708ac1e878a3a8d74c2b0c01051cb92fe39ac9dbdcbce025a56c47329",
    "celery.events.state.State._create_dispatcher": "c7dfc0c36de96f6b6ce7144660b1af4ce2cfbadf8ae8b504582aa5052c136d1d",
    "celery.events.state.Task.event": "b71e67d0130471fc0e826420b4132652d9ed216500410dde422cc00aeff9ab14",
    "celery.worker.consumer.Consumer.call_soon": "914e951f150be80d33340f30f567f730242e9c0f11acc284f436dfc11fecccc1",
    "celery.worker.pidbox.Pidbox.__init__": "a7c5b7b005e4918767c7593ef6887c3e28a58612168b0276b5429c33d7248019",
    "flower.api.BaseApiHandler.run_blocking": "4c298c49a79ffede1eb100f00289b6eb0e5b8b129d9b7bccccdf372e903b44a3",
    "flower.api.tasks.GetQueueLengths.get": "a22ce61799bb9ea849179c1eaeb00d425d6ed3fd78078ad6674843a9efe4e0ed",
    "flower.app.Flower.__init__": "1be771f690ad1b30dfd3e3d8bcefd41793a05fe88f4e3561de731b697e9534a3",
    "flower.app.Flower.broker_uri": "637bf6ff42afa3552697bb685fdd68cb60db04177e9c94e0e2e1ea83ffb5f262",
    "flower.command.apply_options": "6e51ffad45e327fb43ae224679ca73fcd6b60c1a50ef2e2c7c146c01223d8c35",
    "flower.events.Events.__init__": "b6b65a905e71a234df76e1e8a7060d1332bdc24038ebf839bf2dfcfff399d670",
    "flower.events.Events.run": "9e14faabc3f94ffb3e6f85fa86725dda5941d7a220210167bea1d693363525e1",
    "flower.events.EventsState.event": "6d6807f6656448f49e5e3cb2238e17a0d03a6ce9da10f08a23c8296e6427a141",
    "flower.inspector.Inspector._inspect": "0111ffae83ab07d67ab6adc842a0ed677263699e267edfa7157592536a2ab465",
    "flower.views.BaseHandler.get_broker": "4c4268188d47bce724d3c29f266d5f00433b07bc56f53835e8db66d4ea82bbb8",
    "flower.views.broker.BrokerView.get": "19b822eadd47b77993622ca4db960cfdcc666d6f8b5cd35ee77d9882e24a9b14",
    "kombu.asynchronous.hub.Hub.call_soon": "ec0433083ce8db41ad884ab8b096681e91af046b26efcd6ad86a2cdfdd0f235e",
}


#: Prints the digest of each name that it is given.
DIGESTS = """
import hashlib, inspect, json, pkgutil, sys
digests = {}
for name in sys.argv[1:]:
    owner, _, attribute = name.rpartition(".")
    found = inspect.getattr_static(pkgutil.resolve_name(owner), attribute)
    digests[name] = hashlib.sha256(inspect.getsource(getattr(found, "func", found)).encode()).hexdigest()
print(json.dumps(digests))
"""


@pytest.fixture(scope="module")
def digests():
    """Of a process of its own: in this one another test may have had Flower adapted."""
    done = subprocess.run([sys.executable, "-c", DIGESTS, *PINNED], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", PINNED)
def test_what_we_replace_or_rely_on_has_not_changed(name, digests):
    digest = digests[name]
    assert digest == PINNED[name], (
        f"{name} is not what ours was written against. Read its difference to the release before, "
        f"adapt celery_sqs.monitor, then pin {digest}"
    )


@pytest.mark.parametrize("name", REPLACED_IN_FLOWER)
def test_what_we_replace_is_there_to_be_replaced(name):
    owner, _, attribute = name.rpartition(".")
    assert attribute in vars(pkgutil.resolve_name(owner))


def test_flower_can_call_what_takes_the_place_of_its_own():
    inspect.signature(Events).bind(
        None, db="", persistent=False, state_save_interval=0, enable_events=False, io_loop=None,
        max_workers_in_memory=1, max_tasks_in_memory=1,
    )  # fmt: skip
    inspect.signature(Broker).bind("", http_api=None, broker_options={}, broker_use_ssl=None)


def test_what_flowerconfig_sets_are_options_of_flowers():
    # Tornado passes over a name that is no option: with a misspelt `basic_auth` anybody could look.
    names = set(re.findall(r"^(\w+) = ", (ROOT / "flowerconfig.py").read_text(), re.MULTILINE))
    assert sorted(name for name in names if name not in options) == ["settings"]
    assert names >= {"address", "basic_auth", "read_only"}
