# The work queue and its dead-letter queue. The numbers are those of config/queues.py; times are in
# seconds.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  # Built from names, so that a plan shows every policy in full. The queues also refer to each other,
  # which would be a cycle, and policy resources of their own take half a minute more to apply.
  queue_arn = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.queue_name}"
  dlq_arn   = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.dlq_name}"
}

resource "aws_sqs_queue" "order_queue" {
  name = var.queue_name

  visibility_timeout_seconds = 30
  message_retention_seconds  = 86400
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.order_dlq.arn
    maxReceiveCount     = 3
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyOverTLS"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = local.queue_arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  tags = var.tags
}

resource "aws_sqs_queue" "order_dlq" {
  name = var.dlq_name

  # 14 days, the longest that SQS offers. It counts from the first send, not from the move to here.
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arn]
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyOverTLS"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = local.dlq_arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  tags = var.tags
}

# The queues' earlier addresses: a state that has these keeps its queues, and the messages in them.
moved {
  from = aws_sqs_queue.work
  to   = aws_sqs_queue.order_queue
}

moved {
  from = aws_sqs_queue.dlq
  to   = aws_sqs_queue.order_dlq
}
