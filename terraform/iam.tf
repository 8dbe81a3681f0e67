# Who may do what with the queues: a policy and a role each for web, worker and operator. A batch call
# is authorised by the name of the single one. The code asks for no more than this:
# - web sends, and reads how much waits (/readyz, /metrics);
# - the worker settles what it receives, and reads both queues' numbers before it starts. It sends
#   copies of what it has received, before SQS's receives run out; on the DLQ it may nothing else;
# - the operator (the workbench with its rescuer, `flask dlq`) takes out of the dead-letter queue and
#   sends again.

locals {
  rights = {
    web = {
      (local.queue_arn) = ["sqs:SendMessage", "sqs:GetQueueAttributes"]
      (local.dlq_arn)   = ["sqs:GetQueueAttributes"]
    }
    worker = {
      (local.queue_arn) = [
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueAttributes",
      ]
      (local.dlq_arn) = ["sqs:GetQueueAttributes"]
    }
    operator = {
      (local.queue_arn) = ["sqs:SendMessage", "sqs:GetQueueAttributes"]
      (local.dlq_arn) = [
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueAttributes",
      ]
    }
  }
}

resource "aws_iam_policy" "queues" {
  for_each = local.rights

  name        = "${var.name}-${each.key}"
  description = "What ${each.key} may do with the queues of ${var.name}."

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for queue, actions in each.value : {
      Effect   = "Allow"
      Action   = actions
      Resource = queue
    }]
  })

  tags = var.tags
}

resource "aws_iam_role" "service" {
  for_each = local.rights

  name        = "${var.name}-${each.key}"
  description = "The rights of ${each.key} on the queues of ${var.name}."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Effect    = "Allow"
        Principal = { Service = "ecs-tasks.amazonaws.com" }
        Action    = "sts:AssumeRole"
        # Or ECS could be talked into it by somebody else's account.
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      }],
      [for principal in var.operator_principals : {
        Effect    = "Allow"
        Principal = { AWS = principal }
        Action    = "sts:AssumeRole"
      } if each.key == "operator"],
    )
  })

  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "queues" {
  for_each = local.rights

  role       = aws_iam_role.service[each.key].name
  policy_arn = aws_iam_policy.queues[each.key].arn
}
