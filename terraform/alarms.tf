# What calls an operator when Prometheus is not there to do it, or is blind itself: SQS's own numbers.
# docs/operating.md says of each what it means, what to do, and which alert of monitoring/alerts.yml
# it goes with.

locals {
  alarms = ["dead-messages", "dead-messages-expire", "oldest-order-too-old", "oldest-order-expires", "nothing-received"]

  alarm_arn = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:${var.name}-"
  topic_arn = "arn:${local.partition}:sns:${local.region}:${local.account}:${var.name}-alarms"

  # Seconds, as OldestOrderTooOld has it. A worker's end and start takes one minute, two with a new
  # Fargate task.
  oldest_order_limit = 300

  # Seconds. A worker renews what is older than half of the queue's retention, an eighth of it later at the
  # most: celery_sqs/consume/retention/ages.py. What is older than both, nobody renews.
  unrenewed_order_limit = floor(aws_sqs_queue.order_queue.message_retention_seconds * 5 / 8)

  # Days that the dead-letter queue may go without being empty once. It deletes an order 14 days after
  # it was sent; up to one of them was spent in the work queue, so six are left to look at it.
  dead_messages_limit = 7

  # SQS says nothing of a queue that has been empty and unused for six hours. One that holds a message
  # counts as used, so silence is an empty queue, and all is well.
  # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html
  silence = "notBreaching"
}

# Not NumberOfMessagesSent: SQS does not count what it moves here by itself.
resource "aws_cloudwatch_metric_alarm" "dead_messages" {
  alarm_name        = "${var.name}-dead-messages"
  alarm_description = "Orders have failed at every attempt and wait in ${var.dlq_name} for somebody to look. See docs/operating.md#dead-messages"

  namespace   = "AWS/SQS"
  metric_name = "ApproximateNumberOfMessagesVisible"
  dimensions  = { QueueName = aws_sqs_queue.order_dlq.name }
  statistic   = "Maximum"
  period      = 60

  # Who looks into the queue hides its messages for half a minute. That is not the all-clear.
  evaluation_periods  = 5
  datapoints_to_alarm = 1

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = local.silence

  alarm_actions = [aws_sns_topic.alarms.arn]
  ok_actions    = [aws_sns_topic.alarms.arn]
  tags          = var.tags
}

# Not ApproximateAgeOfOldestMessage: it leaves out what was received three times or more, and each look
# into the queue is a receive. A queue that was never empty is on the safe side.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
resource "aws_cloudwatch_metric_alarm" "dead_messages_expire" {
  alarm_name        = "${var.name}-dead-messages-expire"
  alarm_description = "${var.dlq_name} has not been empty for ${local.dead_messages_limit} days. SQS deletes its orders for good 14 days after they were sent. See docs/operating.md#dead-messages-expire"

  namespace   = "AWS/SQS"
  metric_name = "ApproximateNumberOfMessagesVisible"
  dimensions  = { QueueName = aws_sqs_queue.order_dlq.name }
  statistic   = "Maximum"
  period      = 3600

  evaluation_periods = local.dead_messages_limit * 24 # CloudWatch looks back a week at the most

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = local.silence

  alarm_actions = [aws_sns_topic.alarms.arn]
  ok_actions    = [aws_sns_topic.alarms.arn]
  tags          = var.tags
}

resource "aws_cloudwatch_metric_alarm" "oldest_order_too_old" {
  alarm_name        = "${var.name}-oldest-order-too-old"
  alarm_description = "An order has been in ${var.queue_name} for more than ${local.oldest_order_limit} seconds. The workers do not keep up, or do not work. See docs/operating.md#oldest-order-too-old"

  namespace   = "AWS/SQS"
  metric_name = "ApproximateAgeOfOldestMessage"
  dimensions  = { QueueName = aws_sqs_queue.order_queue.name }
  statistic   = "Maximum"
  period      = 60

  evaluation_periods = 2

  comparison_operator = "GreaterThanThreshold"
  threshold           = local.oldest_order_limit
  treat_missing_data  = local.silence

  alarm_actions = [aws_sns_topic.alarms.arn]
  ok_actions    = [aws_sns_topic.alarms.arn]
  tags          = var.tags
}

# It counts from the last renewal, so that it says what the queue is about to delete.
resource "aws_cloudwatch_metric_alarm" "oldest_order_expires" {
  alarm_name        = "${var.name}-oldest-order-expires"
  alarm_description = "An order has been in ${var.queue_name} for more than ${local.unrenewed_order_limit} seconds, and no worker renews it. SQS deletes it for good ${aws_sqs_queue.order_queue.message_retention_seconds} seconds after it was sent. See docs/operating.md#oldest-order-expires"

  namespace   = "AWS/SQS"
  metric_name = "ApproximateAgeOfOldestMessage"
  dimensions  = { QueueName = aws_sqs_queue.order_queue.name }
  statistic   = "Maximum"
  period      = 60

  evaluation_periods = 2

  comparison_operator = "GreaterThanThreshold"
  threshold           = local.unrenewed_order_limit
  treat_missing_data  = local.silence

  alarm_actions = [aws_sns_topic.alarms.arn]
  ok_actions    = [aws_sns_topic.alarms.arn]
  tags          = var.tags
}

# Its value is how many orders wait while none is received. Five minutes, so that a new Fargate task has
# the time to come up.
resource "aws_cloudwatch_metric_alarm" "nothing_received" {
  alarm_name        = "${var.name}-nothing-received"
  alarm_description = "Orders wait in ${var.queue_name} and for five minutes nobody has received any: no worker runs, or none reaches SQS, or all wait for the database. See docs/operating.md#nothing-received"

  metric_query {
    id          = "stranded"
    label       = "Orders that wait while none is received"
    expression  = "IF(FILL(received, 0) > 0, 0, waiting)"
    return_data = true
  }

  metric_query {
    id = "waiting"

    metric {
      namespace   = "AWS/SQS"
      metric_name = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = aws_sqs_queue.order_queue.name }
      stat        = "Maximum"
      period      = 60
    }
  }

  metric_query {
    id = "received"

    metric {
      namespace   = "AWS/SQS"
      metric_name = "NumberOfMessagesReceived"
      dimensions  = { QueueName = aws_sqs_queue.order_queue.name }
      stat        = "Sum"
      period      = 60
    }
  }

  evaluation_periods = 5

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = local.silence

  alarm_actions = [aws_sns_topic.alarms.arn]
  ok_actions    = [aws_sns_topic.alarms.arn]
  tags          = var.tags
}

# A key of its own: CloudWatch may not use the one that AWS keeps for SNS, and its alarms would be lost
# without a word.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
resource "aws_kms_key" "alarms" {
  description             = "Encrypts the alarms of ${var.name} in SNS."
  enable_key_rotation     = true
  deletion_window_in_days = 7

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TheAccountDecidesWhoMayManageIt"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*" # in a key's own policy: this key
      },
      {
        Sid       = "CloudWatchEncrypts"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:GenerateDataKey*", "kms:Decrypt"]
        Resource  = "*"
        # No condition: who may publish is the topic's to say, and one that CloudWatch does not meet
        # loses alarms.
      },
    ]
  })

  tags = var.tags
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = aws_kms_key.alarms.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyOurAlarmsPublish"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = local.topic_arn
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "${local.alarm_arn}*" }
      }
    }]
  })

  tags = var.tags
}

# Each address has to confirm by the mail that AWS sends it.
resource "aws_sns_topic_subscription" "email" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}
