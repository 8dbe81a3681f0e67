"""Everything of Celery, kombu, billiard and Flower that is overridden, patched or bypassed, in one list.

`tests/contract/test_celery_internals.py` and `test_flower_internals.py` compare the list with the code and with the
sources of these releases: an upgrade that changes one of them fails there, and not in production.
"""

from collections.abc import Mapping
from typing import Final

#: The releases that the overrides were written against.
CHECKED_AGAINST: Final[Mapping[str, str]] = {"billiard": "4.3", "celery": "5.7", "flower": "2.2", "kombu": "5.7"}

#: Of each class of ours: theirs, which it derives from, and the methods that ours replaces.
OVERRIDDEN: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "celery_sqs.consume.channel:Channel": (
        "kombu.transport.SQS:Channel",
        ("_schedule_queue", "basic_ack", "basic_cancel", "basic_qos", "basic_reject", "close"),
    ),
    "celery_sqs.consume.transport:Transport": ("kombu.transport.SQS:Transport", ()),
    "celery_sqs.message.received:Message": ("kombu.transport.virtual:Message", ()),
    "celery_sqs.monitor.control.client:Control": (
        "celery.app.control:Control",
        ("broadcast",),
    ),
    "celery_sqs.monitor.dispatcher:TaskEventDispatcher": (
        "celery.events:EventDispatcher",
        ("close", "disable", "enable", "extend_buffer", "flush", "publish", "send"),
    ),
    "celery_sqs.publish.amqp:AMQP": ("celery.app.amqp:AMQP", ("Connection", "as_task_v1", "as_task_v2")),
    "celery_sqs.publish.channel:SendingChannel": (
        "kombu.transport.SQS:Channel",
        ("_purge", "_put", "_resolve_queue_url", "_size", "basic_publish"),
    ),
    "celery_sqs.tasks.task:SQSTask": ("celery.app.task:Task", ("apply_async", "bind", "retry")),
    "celery_sqs.tasks.outcomes.tracer:SQSTraceInfo": (
        "celery.app.trace:TraceInfo",
        ("handle_error_state", "handle_retry"),
    ),
    "celery_sqs.worker.consumer:Consumer": (
        "celery.worker.consumer.consumer:Consumer",
        ("on_decode_error", "on_invalid_task", "on_unknown_message", "on_unknown_task"),
    ),
    "celery_sqs.without_monitor:EventDispatcher": ("celery.events:EventDispatcher", ("publish",)),
    "celery_sqs.without_monitor:Control": ("celery.app.control:Control", ("broadcast",)),
    "celery_sqs.worker.request:SQSRequest": (
        "celery.worker.request:Request",
        (
            "_announce_revoked",
            "acknowledge",
            "on_accepted",
            "on_failure",
            "on_timeout",
            "reject",
            "revoked",
            "send_event",
            "terminate",
        ),
    ),
}

#: What of Flower is replaced when it starts, and by what of ours.
REPLACED_IN_FLOWER: Final[Mapping[str, str]] = {
    "flower.api.BaseApiHandler.run_blocking": "celery_sqs.monitor.flower.answers:run_blocking",
    "flower.app.Events": "celery_sqs.monitor.flower.events:Events",
    "flower.app.Flower.broker_uri": "celery_sqs.monitor.flower.broker:broker_uri",
    "flower.views.Broker": "celery_sqs.monitor.flower.broker:Broker",
}

#: What is patched or gone round, and by which module of ours.
DEPENDED_ON: Final[Mapping[str, str]] = {
    "billiard.pool:Worker._ensure_messages_consumed": "celery_sqs.worker.steps",  # its limit is lowered
    "celery.app.amqp:AMQP._create_task_sender": "celery_sqs.publish.fast_path",
    "celery.app.base:Celery._connection": "celery_sqs.publish.amqp",
    "celery.app.base:Celery._load_config": "celery_sqs.configuration",
    "celery.app.base:Celery.send_task": "celery_sqs.publish.fast_path",
    "celery.app.task:Context.as_execution_options": "celery_sqs.tasks.outcomes.retries",
    "celery.app.task:Task.before_start": "celery_sqs.tasks.task",
    "celery.app.task:Task.signature_from_request": "celery_sqs.tasks.outcomes.retries",
    "celery.app.trace:TraceInfo._log_error": "celery_sqs.tasks.outcomes.trace_log",
    "celery.app.trace:TraceInfo.handle_error_state": "celery_sqs.tasks.outcomes.batch_outcome",
    "celery.app.trace:TraceInfo.handle_failure": "celery_sqs.tasks.outcomes.batch_outcome",
    "celery.app.trace:TraceInfo.handle_retry": "celery_sqs.tasks.outcomes.trace_log",
    "celery.app.trace:build_tracer": "celery_sqs.tasks.outcomes.tracer",
    "celery.app.trace:get_actual_ignore_result": "celery_sqs.tasks.outcomes.retries",
    "celery.app.trace:setup_worker_optimizations": "celery_sqs.tasks.outcomes.tracer",
    "celery.app.utils:detect_settings": "celery_sqs.configuration",  # the last of its maps has the defaults
    "celery.apps.worker:Worker.purge_messages": "celery_sqs.worker.steps",
    "celery.bin.purge:purge.callback": "celery_sqs.publish.purge_command",
    "celery.concurrency.base:BasePool.apply_async": "celery_sqs.worker.collector",
    "celery.events:EventDispatcher.__init__": "celery_sqs.monitor.dispatcher",
    "celery.worker.consumer.consumer:Consumer.create_task_handler": "celery_sqs.worker.collector",
    "celery.worker.control:_revoke": "celery_sqs.monitor.control.panel",
    "celery.worker.control:revoke_by_stamped_headers": "celery_sqs.monitor.control.panel",
    "celery.worker.pidbox:Pidbox.on_message": "celery_sqs.monitor.control.panel",
    "celery.worker.request:Request.__init__": "celery_sqs.worker.request",
    "celery.worker.request:Request._success_was_stored": "celery_sqs.worker.request",
    "celery.worker.request:Request.on_success": "celery_sqs.worker.request",
    "celery.worker.request:create_request_cls": "celery_sqs.worker.request",
    "celery.worker.strategy:default": "celery_sqs.worker.strategy",
    "celery.worker.strategy:proto1_to_proto2": "celery_sqs.message.protocol1",
    "kombu.transport.SQS:Channel.basic_consume": "celery_sqs.consume.channel",
    "kombu.transport.virtual:Message.__init__": "celery_sqs.message.received",
}
