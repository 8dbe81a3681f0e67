"""What we override in Celery and kombu is still there, and still what our overrides were written against."""

import hashlib
import inspect
from importlib.metadata import version
from pkgutil import resolve_name

import pytest

from celery_sqs.overrides import CHECKED_AGAINST, DEPENDED_ON, OVERRIDDEN

DIGITS = 40  # of a digest

# sha256 of the source of each upstream function that we override, or that ours depends on.
PINNED = {
    "celery.worker.request:create_request_cls": "871f30fe1cfee4bfbc381a230a6fad481a2cfcf9",
    "celery.worker.control:_revoke": "18694eabe82f3ae8de79f977feab2824a07b6f1c",
    "celery.worker.control:revoke_by_stamped_headers": "faad3c0081e03e2eb8f41e6cdd1e7f5eec8b58e4",
    "celery.worker.pidbox:Pidbox.on_message": "a7fc59f96634f57f262764d1339f41cbffa7d53c",
    "celery.worker.request:Request.terminate": "5ee69325b498e3119c9a2b48b305c833e8054d27",
    "celery.worker.request:Request.revoked": "5132788b1bc86f2606a2f46044fdb58988cef754",
    "celery.worker.request:Request._success_was_stored": "08bb3c0dafad108a21efd3d759b7199aaba63abe",
    "celery.worker.request:Request._announce_revoked": "a34ab36ca94d4d637c7748200793696321415c18",
    "celery.app.trace:setup_worker_optimizations": "61e0f9447b6eca03536d047e48cd4fcc0a78746a",
    "celery.app.trace:build_tracer": "b2945aec38e1872e25bfb625e3857a10776fb319",
    "celery.app.trace:TraceInfo.handle_error_state": "682af92f6c79eaabe98a0365bdf5d791f3a6e6ee",
    "celery.app.task:Task.signature_from_request": "52ba3d1d0d2373f2cf8d9836f842b9471663161f",
    "celery.app.task:Context.as_execution_options": "9c2d25ba145aabd180b788528508b522f87aaef9",
    "celery.app.control:Control.broadcast": "2f173e5e42a207a7f528f362ed03e697742ba723",
    "billiard.pool:Worker._ensure_messages_consumed": "2349f7e1103d10298c2c5c45777bc1ab5a3628db",
    "celery.app.amqp:AMQP._create_task_sender": "f648c9fd295989706df3d979d23ecc657f4fd231",
    "celery.app.amqp:AMQP.as_task_v1": "c936ae74dfe8fc18e1b1921db52063957cd8d3d2",
    "celery.app.amqp:AMQP.as_task_v2": "5efb2a7a30d33e9e588757e994c4b4238534d909",
    "celery.app.base:Celery._connection": "8c73001d4137b7e6cd17b67c2736bc5e3842e504",
    "celery.app.base:Celery._load_config": "b46ee3cbcb237f14f7cd1666db1cb01c00ff592b",
    "celery.app.base:Celery.send_task": "0627787058090b5600eb971bff3d85a2d9d0d999",
    "celery.app.task:Task.apply_async": "714fed86ce5b1ef3cc18db24e7af835cc5355276",
    "celery.app.task:Task.bind": "b867a0461082e769be214a0834f379fff501242e",
    "celery.app.task:Task.before_start": "b5a4521733727e700e4a00fa5fc47adce04a4dfe",
    "celery.app.task:Task.retry": "82cd910b59663a008b64cde30555ab2097d23ef9",
    "celery.app.trace:TraceInfo._log_error": "d654911c2cb07e9782fbcaca5e31352ae144806a",
    "celery.app.trace:TraceInfo.handle_failure": "837ebf27a44af44e0518ac04d48e822089bfb903",
    "celery.app.trace:get_actual_ignore_result": "6b27779c0c265108ec038db0fa8c3e099f831fd2",
    "celery.app.trace:TraceInfo.handle_retry": "334e176e5c8b9f39b5276dd80847e90b751ff9d3",
    "celery.app.utils:detect_settings": "9bddbf7dd0559c11aea010bc73bf75a621e1f3a8",
    "celery.apps.worker:Worker.purge_messages": "2465fb0356dd9ceb8dec24df41515cd0b8ce43bd",
    "celery.bin.purge:purge.callback": "7081a6dac2aeff2c90261c293b72e268f803b108",
    "celery.concurrency.base:BasePool.apply_async": "4db4ca91db58d9fb500b3801607a80f7f345ba05",
    "celery.events:EventDispatcher.__init__": "5cc6b0f6bac2d68b8aa1fbe1fd80d745d0da6c34",
    "celery.events:EventDispatcher.close": "f011a2f8b8ddcb0cae7fdc9168c04893aaface93",
    "celery.events:EventDispatcher.disable": "bf0ca61b5e5e9c43a4607a0fe6db1a399ff8a19a",
    "celery.events:EventDispatcher.enable": "8a9b1306e830e4391b82999f2a935e23ed3f7cc6",
    "celery.events:EventDispatcher.extend_buffer": "3cd21660d9133fd59f4c84a1de64b3179c703eda",
    "celery.events:EventDispatcher.flush": "4e9a6b4ec6a95ddb4bac672d29f93b72d62169cf",
    "celery.events:EventDispatcher.publish": "e7c0756afa3c16961203049d1d286aa0da302234",
    "celery.events:EventDispatcher.send": "eb70b87b4c68ed01fe0f9a2c6dec095dff5ae07d",
    "celery.worker.consumer.consumer:Consumer.create_task_handler": "292c5a681f10ade7181d68b4fc129daa67ca5514",
    "celery.worker.consumer.consumer:Consumer.on_decode_error": "e3538c586a7ffa758a9bcc654564aa5b1a22fe53",
    "celery.worker.consumer.consumer:Consumer.on_invalid_task": "9893e7a4eee33a33d9f4d138731f694609c8ff2f",
    "celery.worker.consumer.consumer:Consumer.on_unknown_message": "213bd3ee55cb5ca62c94e59895144d21f67ba182",
    "celery.worker.consumer.consumer:Consumer.on_unknown_task": "35e6cbe564947a25f688027d2f581e242993ca9c",
    "celery.worker.request:Request.__init__": "efdf47149cde3635e72da17b4095571702173826",
    "celery.worker.request:Request.acknowledge": "60dad9ce9c39f54ca7c456f700fe5cb037172f4e",
    "celery.worker.request:Request.on_accepted": "7bd097a863da039e0c78d013d39808f8ac167d26",
    "celery.worker.request:Request.on_failure": "21736ec661cd60d7768ac4f75ae0a9b92e3c5fd1",
    "celery.worker.request:Request.on_success": "8d11e320facdb07297f45e4f4fbfceefc1067abc",
    "celery.worker.request:Request.on_timeout": "3d26ce896008646dca770156ca4028a2e6569d0d",
    "celery.worker.request:Request.reject": "08be2378bcc6c01762458ccac12b806074c49ab5",
    "celery.worker.request:Request.send_event": "75ec861e3f357ae91412caad613f8f124d2cb375",
    "celery.worker.strategy:default": "7d90575ada5eb1dc30982842b3fc836dbca2cf0b",
    "celery.worker.strategy:proto1_to_proto2": "bd94d28baaa687206c47683bb31ca32953f396a4",
    "kombu.transport.SQS:Channel._purge": "ec697ad8e38eb397ff1fc0ecffd18ab27bcaf8b5",
    "kombu.transport.SQS:Channel._put": "abbc7aaeaa2c49c861b24d01fcc028199cede911",
    "kombu.transport.SQS:Channel._resolve_queue_url": "54a051df9e1dc1bcca67f47aff2a4e4c4da12b58",
    "kombu.transport.SQS:Channel._schedule_queue": "953f1ad1314ec406446709cee042ca90e121db10",
    "kombu.transport.SQS:Channel._size": "b47fce9db8a0b9cff1dc1e109741a5bc4a81f7ac",
    "kombu.transport.SQS:Channel.basic_ack": "ea203438531fa1e01d6089c61aaa5cbb6cb477a4",
    "kombu.transport.SQS:Channel.basic_cancel": "9bdcc2fe60e3b029b09c7b736ed4f24225263e43",
    "kombu.transport.SQS:Channel.basic_consume": "949b19b52aa81813f8e20c88143d914bb61e1a72",
    "kombu.transport.SQS:Channel.basic_publish": "83825b6758712705af08769ac7ef483d8f1f3e27",
    "kombu.transport.SQS:Channel.basic_qos": "61117bc0c93623417163d7c36bc8571d4e61eb27",
    "kombu.transport.SQS:Channel.basic_reject": "6055f0dfee5e8f64fa600482323917f737d308ff",
    "kombu.transport.SQS:Channel.close": "7be659a7c7697a2c7e608c297f46c3a61772c3e2",
    "kombu.transport.virtual:Message.__init__": "c90d08ccfa2e3e9a78cf7dfd79bca6e64060bb7a",
}
#: Not pinned, as it is a class that is handed on as it is.
UNPINNED = {"celery.app.amqp:AMQP.Connection"}

LISTED = {f"{theirs}.{name}": ours for ours, (theirs, names) in OVERRIDDEN.items() for name in names} | DEPENDED_ON


@pytest.mark.parametrize("package", CHECKED_AGAINST)
def test_the_installed_release_is_the_one_we_know(package):
    installed, known = version(package), CHECKED_AGAINST[package]
    assert installed.startswith(f"{known}."), (
        f"{package} {installed} is not {known}.x: read its changes to what is pinned here, then set CHECKED_AGAINST"
    )


@pytest.mark.parametrize("ours", OVERRIDDEN)
def test_the_list_names_every_method_that_we_override_and_no_other(ours):
    theirs, names = OVERRIDDEN[ours]
    assert overrides(resolve_name(ours), resolve_name(theirs)) == list(names)


def test_everything_on_the_list_is_pinned_and_nothing_else():
    assert set(PINNED) == set(LISTED) - UNPINNED


@pytest.mark.parametrize("name", PINNED)
def test_what_we_override_or_depend_on_has_not_changed(name):
    digest = hashlib.sha256(inspect.getsource(found(name)).encode()).hexdigest()[:DIGITS]
    assert digest == PINNED[name], (
        f"{name} is not what ours was written against. "
        f"Read its difference to the release before, adapt {LISTED[name]}, then pin {digest}"
    )


def found(name):
    """The function of a name such as `celery.app.task:Task.retry`."""
    module, _, path = name.partition(":")
    owner, _, attribute = path.rpartition(".")
    holder = resolve_name(f"{module}:{owner}") if owner else resolve_name(module)
    static = inspect.getattr_static(holder, attribute)
    return getattr(static, "func", static)


def overrides(ours, theirs):
    """The methods and properties that our class defines itself and the upstream class has too, sorted."""
    inherited = {name for base in theirs.__mro__ for name in vars(base)}
    return sorted(
        name
        for name, value in vars(ours).items()
        if (inspect.isroutine(value) or isinstance(value, property)) and name in inherited and not magic(name)
    )


def magic(name):
    return name.startswith("__") and name.endswith("__")
