# Numbers that follow from the code, each with where it comes from; a test compares them with it.

locals {
  # Connections of one web process: SQLAlchemy's pool of 5 with an overflow of 10 (orders/database.py
  # leaves them as they are; a connection for each request that is served at once), and one of the
  # event writer (celery_sqs/monitor/event_writer.py).
  connections_per_web_process = 5 + 10 + 1

  # Connections of a worker's main process: attempts on record (celery_sqs/worker/recorder.py), the probe of an
  # outage (celery_sqs/consume/circuit_breaker.py), the event writer, remote control
  # (celery_sqs/monitor/control/listener.py), and what keeps the monitor's tables in order
  # (celery_sqs/monitor/housekeeping/housekeeper.py). Each is one thread. When the worker ends, the last one has let its
  # connection go, and what the worker runs itself (celery_sqs/worker/consumer.py) takes its place.
  connections_per_worker_main = 5

  # Connections of one process of its pool: it runs one batch at a time (tasks/orders.py).
  connections_per_worker_process = 1

  # Processes of a task. The workbench has few users, and each of its processes counts failures to sign
  # in by itself.
  processes = { web = 2, workbench = 1, worker = 2 }

  # RDS's own, the release task, and an operator who has to look while all others are taken.
  connections_reserved = 15

  # While a service is deployed, its old and its new tasks run side by side: see services.tf.
  tasks_at_once = 2

  connections_per_task = {
    web       = local.processes.web * local.connections_per_web_process
    workbench = local.processes.workbench * local.connections_per_web_process
    worker    = local.connections_per_worker_main + local.processes.worker * local.connections_per_worker_process
  }

  connections_of_others = local.connections_reserved + local.tasks_at_once * (
    var.web_count * local.connections_per_task.web + local.workbench_count * local.connections_per_task.workbench
  )

  connections_for_workers = var.database_max_connections - local.connections_of_others

  worker_cap = floor(local.connections_for_workers / (local.tasks_at_once * local.connections_per_task.worker))
  worker_max = min(var.worker_max, local.worker_cap)

  # Seconds that the end of a worker may take: a batch is killed after TIME_LIMIT (tasks/application.py);
  # then polls are awaited (POLL_TIMEOUT in celery_sqs/consume/channel.py), what has not begun is renewed and
  # what is done is deleted (CLOSE_TIMEOUT, there), and the last events are written to the database
  # (CLOSE_TIMEOUT in celery_sqs/monitor/dispatcher.py).
  worker_drain = 20 + 4 + 4 + 3

  # Seconds that gunicorn gives requests in flight: graceful_timeout in config/gunicorn.py, for the
  # default of SQS_SEND_TIMEOUT.
  web_drain = 10

  # Seconds from SIGTERM to SIGKILL; Fargate gives 120 at the most. A worker that is cut off costs each
  # order that it holds half a minute and a renewal, so it gets more than it needs.
  stop_timeout = { web = 30, workbench = 30, worker = 90 }

  # Orders that a worker stores in a second. bench/results says 2025, on two cores that it shared with
  # SQS, MariaDB and the load; a task has one core, so half of that.
  worker_orders_per_second = 1010

  # Seconds that an order may wait until it is run. Above 30 an alert goes off: TimeToPersistHigh.
  acceptable_wait = 30

  backlog_per_worker = local.worker_orders_per_second * local.acceptable_wait
}

# A warning, as everything works: with fewer workers than asked for.
check "worker_max" {
  assert {
    condition     = var.worker_max <= local.worker_cap
    error_message = "worker_max is ${var.worker_max}, but the database has connections for ${local.worker_cap} workers: of ${var.database_max_connections}, ${local.connections_of_others} are for others, and a worker takes ${local.connections_per_task.worker}, twice that while it is deployed. Raise database_max_connections, with an instance that has the memory for it, or lower worker_max."
  }
}
