"""What we override in Celery and kombu is still there, and still what our overrides were written against."""

import hashlib
import inspect
from importlib.metadata import version

import pytest
from billiard.pool import Worker
from celery import Celery
from celery.app.amqp import AMQP
from celery.app.task import Task
from celery.concurrency.base import BasePool
from celery.events import EventDispatcher
from celery.worker import consumer
from celery.worker.request import Request
from kombu.transport import SQS, virtual

from celery_sqs.consume import transport
from celery_sqs.message.received import Message
from celery_sqs.monitor.dispatcher import TaskEventDispatcher
from celery_sqs.publish.fast_path import FastPath
from celery_sqs.tasks.task import SQSTask
from celery_sqs.worker.collector import Collector
from celery_sqs.worker.consumer import Consumer
from celery_sqs.worker.request import SQSRequest
from celery_sqs.worker.steps import Preflight

RELEASE = "5.7"  # the release of Celery and kombu that the pins below were read in

# sha256 of the source of each upstream method that we override, or that decides when one of ours runs.
PINNED = {
    SQS.Channel: {
        "_purge": "ec697ad8e38eb397ff1fc0ecffd18ab27bcaf8b51810500b275035e418936b51",
        "_put": "abbc7aaeaa2c49c861b24d01fcc028199cede911da78403a54ebb361e3b638b2",
        "_resolve_queue_url": "54a051df9e1dc1bcca67f47aff2a4e4c4da12b5816ede30507411b752e728fdf",
        "_schedule_queue": "953f1ad1314ec406446709cee042ca90e121db109ab3d45af01d4df8b46a09f7",
        "_size": "b47fce9db8a0b9cff1dc1e109741a5bc4a81f7ac4cb76c3bc1f670809c89ad0a",
        "basic_ack": "ea203438531fa1e01d6089c61aaa5cbb6cb477a434abbabf04c1a4ae49bfce16",
        "basic_cancel": "9bdcc2fe60e3b029b09c7b736ed4f24225263e43e318bf8a603466b240567a91",
        "basic_consume": "949b19b52aa81813f8e20c88143d914bb61e1a72e5c129db1442b86cbfc42b80",
        "basic_qos": "61117bc0c93623417163d7c36bc8571d4e61eb2730a92aab820e9eb7d9b533f8",
        "basic_reject": "6055f0dfee5e8f64fa600482323917f737d308ff3b51ad96837b35d59d4d3c52",
        "close": "7be659a7c7697a2c7e608c297f46c3a61772c3e27fec8be14102b18ac5e33c1a",
    },
    Request: {
        "__init__": "efdf47149cde3635e72da17b40955717021738260a959b3cfddb4e7461b0a323",
        "acknowledge": "60dad9ce9c39f54ca7c456f700fe5cb037172f4eaad92e5f77232479868c5d2e",
        "execute": "d4fe3aa78b45bc50754a4f6efc5f2796f5962ac470f094f3efb565f765dc4009",
        "on_failure": "21736ec661cd60d7768ac4f75ae0a9b92e3c5fd13a708be0decab41fd1b40c7e",
        "on_success": "8d11e320facdb07297f45e4f4fbfceefc1067abc485d6b6251ce3b61a1bdd03b",
        "on_timeout": "3d26ce896008646dca770156ca4028a2e6569d0dbcd3f7ba282b0aa7666fcbc9",
        "reject": "08be2378bcc6c01762458ccac12b806074c49ab5696b74f1b09170fdfc55b0bc",
        "send_event": "75ec861e3f357ae91412caad613f8f124d2cb375b5a037b0fee263d5f4a81b90",
    },
    Task: {
        "apply_async": "714fed86ce5b1ef3cc18db24e7af835cc5355276dd652e836ece5a49f2a461c8",
        "before_start": "b5a4521733727e700e4a00fa5fc47adce04a4dfee585851c987af7c935be1e81",
        "on_failure": "86a8e61816d767f76bcd19b61aa402705ca865e861adc93aacd5adcd527bd165",
        "on_retry": "d8282b711d1537009e7b308fe6672cd07b7eba248d0a4774117f5d9afaba2aad",
        "retry": "82cd910b59663a008b64cde30555ab2097d23ef95713d3fe57bf57f725b64a07",
    },
    consumer.Consumer: {
        "create_task_handler": "292c5a681f10ade7181d68b4fc129daa67ca551461a246300d60f9a7ec2310de",
        "on_decode_error": "e3538c586a7ffa758a9bcc654564aa5b1a22fe53ce571f785ba2f3742f53a612",
        "on_invalid_task": "9893e7a4eee33a33d9f4d138731f694609c8ff2f4981f1028411019f2238915a",
        "on_unknown_message": "213bd3ee55cb5ca62c94e59895144d21f67ba182fa6cf3a87a663b1e67f75d85",
        "on_unknown_task": "35e6cbe564947a25f688027d2f581e242993ca9ca68f7281302db35aa78ca42c",
    },
    EventDispatcher: {
        "__init__": "5cc6b0f6bac2d68b8aa1fbe1fd80d745d0da6c34219363b89ac0ed2b3c8554f9",
        "close": "f011a2f8b8ddcb0cae7fdc9168c04893aaface93ebdeda9703ebb4eccb88cba4",
        "disable": "bf0ca61b5e5e9c43a4607a0fe6db1a399ff8a19a964c971ca10cc52b1ea0d34a",
        "enable": "8a9b1306e830e4391b82999f2a935e23ed3f7cc60c92fafd2bab78376e18d3e2",
        "extend_buffer": "3cd21660d9133fd59f4c84a1de64b3179c703edaca2aec9080e22b4b3b96624e",
        "flush": "4e9a6b4ec6a95ddb4bac672d29f93b72d62169cfde52857a59280e9e7d0602e5",
        "publish": "e7c0756afa3c16961203049d1d286aa0da30223417a2079f07b2f79970498caa",
        "send": "eb70b87b4c68ed01fe0f9a2c6dec095dff5ae07d0846e209b509b839c77ed5d4",
    },
    virtual.Message: {"__init__": "c90d08ccfa2e3e9a78cf7dfd79bca6e64060bb7a1bbc146f21a974f50367084c"},
    Worker: {"_ensure_messages_consumed": "2349f7e1103d10298c2c5c45777bc1ab5a3628dbb204eef2c546349229bf93cd"},
    # Not overridden, but gone round by the short way.
    Celery: {"send_task": "0627787058090b5600eb971bff3d85a2d9d0d999dcdf617dc282eeadd8ed2660"},
    AMQP: {
        "_create_task_sender": "f648c9fd295989706df3d979d23ecc657f4fd23153d45f92385a498fe08e71e7",
        "as_task_v2": "5efb2a7a30d33e9e588757e994c4b4238534d909476d192836daaf4fb09118ed",
    },
    BasePool: {"apply_async": "4db4ca91db58d9fb500b3801607a80f7f345ba05ce2f85e6b0834e11bc7e6fd6"},
}
OURS = {
    SQS.Channel: transport.Channel,
    Request: SQSRequest,
    Task: SQSTask,
    consumer.Consumer: Consumer,
    EventDispatcher: TaskEventDispatcher,
    virtual.Message: Message,
    Worker: Preflight,
    Celery: FastPath,
    AMQP: FastPath,
    BasePool: Collector,
}
PINS = [(cls, name) for cls, names in PINNED.items() for name in names]
PIN_IDS = [f"{cls.__module__}.{cls.__name__}.{name}" for cls, name in PINS]


@pytest.mark.parametrize("package", ["celery", "kombu"])
def test_the_installed_release_is_the_one_we_know(package):
    installed = version(package)
    assert installed.startswith(f"{RELEASE}."), (
        f"{package} {installed} is not {RELEASE}.x: read its changes to what this file pins, then set RELEASE"
    )


@pytest.mark.parametrize("name", transport.OVERRIDDEN)
def test_what_is_listed_as_overridden_is_kombus_and_ours(name):
    assert name in inherited(SQS.Channel), f"kombu's channel has no {name}: nothing calls ours any more"
    assert name in vars(transport.Channel), f"our channel does not define {name}: take it off OVERRIDDEN"


def test_every_method_we_override_in_the_transport_is_listed():
    overridden = overrides(transport.Channel, SQS.Channel) | overrides(transport.Transport, SQS.Transport)
    assert sorted(overridden - set(transport.OVERRIDDEN)) == [], "add these to celery_sqs.consume.transport.OVERRIDDEN"


def test_the_list_of_what_is_overridden_is_sorted_and_without_repeats():
    assert list(transport.OVERRIDDEN) == sorted(set(transport.OVERRIDDEN))


@pytest.mark.parametrize("upstream", OURS, ids=lambda upstream: upstream.__name__)
def test_every_method_we_override_is_pinned(upstream):
    assert sorted(overrides(OURS[upstream], upstream) - set(PINNED[upstream])) == []


@pytest.mark.parametrize(("cls", "name"), PINS, ids=PIN_IDS)
def test_what_we_override_has_not_changed(cls, name):
    digest = hashlib.sha256(inspect.getsource(getattr(cls, name)).encode()).hexdigest()
    assert digest == PINNED[cls][name], (
        f"{cls.__module__}.{cls.__name__}.{name} is not what our override was written against. "
        f"Read its difference to the release before, adapt {OURS[cls].__module__}, then pin {digest}"
    )


def overrides(ours, upstream):
    """The methods and properties that our class defines itself and the upstream class has too."""
    return {
        name
        for name, value in vars(ours).items()
        if (inspect.isroutine(value) or isinstance(value, property)) and name in inherited(upstream) and not magic(name)
    }


def inherited(cls):
    return {name for base in cls.__mro__ for name in vars(base)}


def magic(name):
    return name.startswith("__") and name.endswith("__")
