# The work queue and its dead-letter queue. The numbers are those of config/queues.py; times are in
# seconds.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  # Built from its name: the work queue refers to the dead-letter queue, so a reference back would be
  # a cycle. A policy resource of its own would be none, but takes half a minute more to apply.
  queue_arn = join(":", [
    "arn",
    data.aws_partition.current.partition,
    "sqs",
    data.aws_region.current.name,
    data.aws_caller_identity.current.account_id,
    var.queue_name,
  ])
}

resource "aws_sqs_queue" "work" {
  name = var.queue_name

  visibility_timeout_seconds = 30
  message_retention_seconds  = 86400
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dlq.arn
    maxReceiveCount     = 3
  })

  tags = var.tags
}

resource "aws_sqs_queue" "dlq" {
  name = var.dlq_name

  # 14 days, the longest that SQS offers. It counts from the first send, not from the move to here.
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arn]
  })

  tags = var.tags
}
