# Where the tasks run, and where their logs go.

locals {
  logs = toset(concat(["release"], keys(local.services)))
}

resource "aws_ecs_cluster" "this" {
  name = var.name

  # Reports how many workers run, which scaling.tf divides by.
  setting {
    name  = "containerInsights"
    value = "enabled"
  }

  tags = var.tags
}

resource "aws_cloudwatch_log_group" "tasks" {
  for_each = local.logs

  name              = "/ecs/${var.name}/${each.key}"
  retention_in_days = var.log_retention_days

  tags = var.tags
}
