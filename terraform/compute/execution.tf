# What ECS itself may do to start a task: pull the image, write the log, and read the secrets that it
# hands to the containers. The containers have no part in it. The administrator's secret is for the
# release task alone.

locals {
  executions = {
    service = {
      secrets = [var.application_secret_arn, var.database_secret_arn]
      logs    = [for log in keys(local.services) : aws_cloudwatch_log_group.tasks[log].arn]
    }
    release = {
      secrets = [var.application_secret_arn, var.database_secret_arn, local.administrator_secret_arn]
      logs    = [aws_cloudwatch_log_group.tasks["release"].arn]
    }
  }

  # Registry, region and repository, where the image is in ECR; other registries need no right.
  ecr = try(
    regex("^(?P<account>[0-9]{12})\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.[a-z.]+/(?P<repository>[^:@]+)[:@]", var.image),
    null,
  )

  pull = local.ecr == null ? [] : [
    {
      Effect   = "Allow"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Resource = ["arn:${var.partition}:ecr:${local.ecr.region}:${local.ecr.account}:repository/${local.ecr.repository}"]
    },
    {
      # It signs in, and there is no resource to name.
      Effect   = "Allow"
      Action   = ["ecr:GetAuthorizationToken"]
      Resource = ["*"]
    },
  ]
}

resource "aws_iam_role" "execution" {
  for_each = local.executions

  name        = "${var.name}-${each.key}-execution"
  description = "What ECS needs to start a ${each.key} task of ${var.name}."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account } }
    }]
  })

  tags = var.tags
}

resource "aws_iam_role_policy" "execution" {
  for_each = local.executions

  name = "start-a-task"
  role = aws_iam_role.execution[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.pull, [
      {
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = each.value.secrets
      },
      {
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = [for log in each.value.logs : "${log}:*"]
      },
    ])
  })
}
