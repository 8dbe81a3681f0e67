# One look at what SQS says: are the alarms quiet, does anything wait, are orders fetched and done, and
# is anything dead? The limits in the charts are those of the alarms.

locals {
  charts = [
    {
      title  = "Work queue: orders in it"
      stat   = "Maximum"
      limits = []
      metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.queue_name, { label = "waiting" }],
        ["AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "QueueName", var.queue_name, { label = "with a worker, or waiting for a retry" }],
        ["AWS/SQS", "ApproximateNumberOfMessagesDelayed", "QueueName", var.queue_name, { label = "delayed" }],
      ]
    },
    {
      title = "Work queue: age of the oldest order, seconds since it was sent or renewed"
      stat  = "Maximum"
      limits = [
        { label = "oldest-order-too-old", value = local.oldest_order_limit },
        { label = "oldest-order-expires", value = local.unrenewed_order_limit },
      ]
      metrics = [
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", var.queue_name, { label = "received less than three times" }],
      ]
    },
    {
      title  = "Work queue: orders a minute"
      stat   = "Sum"
      limits = []
      metrics = [
        ["AWS/SQS", "NumberOfMessagesSent", "QueueName", var.queue_name, { label = "sent" }],
        ["AWS/SQS", "NumberOfMessagesReceived", "QueueName", var.queue_name, { label = "received" }],
        ["AWS/SQS", "NumberOfMessagesDeleted", "QueueName", var.queue_name, { label = "done" }],
      ]
    },
    {
      title  = "Dead-letter queue: orders in it"
      stat   = "Maximum"
      limits = [{ label = "dead-messages", value = 1 }]
      metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.dlq_name, { label = "dead" }],
        ["AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "QueueName", var.dlq_name, { label = "dead, in an operator's hands" }],
      ]
    },
    {
      title = "Dead-letter queue: age of the oldest, days since it came here"
      stat  = "Maximum"
      limits = [
        { label = "dead-messages-expire", value = local.dead_messages_limit },
        { label = "deleted for good from here on", value = 13 },
      ]
      metrics = [
        [{ expression = "age / 86400", label = "received less than three times" }],
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", var.dlq_name, { id = "age", visible = false }],
      ]
    },
    {
      title  = "Work queue: polls a minute that found nothing"
      stat   = "Sum"
      limits = []
      metrics = [
        ["AWS/SQS", "NumberOfEmptyReceives", "QueueName", var.queue_name, { label = "empty" }],
      ]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "queues" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type   = "alarm"
        x      = 0
        y      = 0
        width  = 24
        height = 3
        properties = {
          title  = "Alarms (docs/operating.md says what to do)"
          alarms = [for name in local.alarms : "${local.alarm_arn}${name}"]
        }
      }],
      # Three in a row, on a grid of 24.
      [for number, chart in local.charts : {
        type   = "metric"
        x      = number % 3 * 8
        y      = 3 + floor(number / 3) * 7
        width  = 8
        height = 7
        properties = {
          title       = chart.title
          region      = local.region
          view        = "timeSeries"
          period      = 60
          stat        = chart.stat
          yAxis       = { left = { min = 0 } }
          annotations = { horizontal = chart.limits }
          metrics     = chart.metrics
        }
      }],
    )
  })
}
