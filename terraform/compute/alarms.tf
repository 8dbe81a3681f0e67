# What the queues' alarms do not see, or see too late.

locals {
  gib = 1024 * 1024 * 1024

  database_alarms = {
    storage = {
      metric    = "FreeStorageSpace"
      below     = true
      threshold = 0.1 * var.database_storage * local.gib
      periods   = 30
      says      = "The database has had less than a tenth of its first storage free for half an hour, so it does not grow by itself, or has reached database_max_storage. Once it is full no order can be stored: they wait in the queue, for a day at the most."
    }
    cpu = {
      metric    = "CPUUtilization"
      below     = false
      threshold = 90
      periods   = 15
      says      = "The database has used more than 90 % of its CPU for a quarter of an hour. Orders take longer, and more workers do not help: see the slow query log, or take a larger database_instance_class."
    }
    connections = {
      metric    = "DatabaseConnections"
      below     = false
      threshold = floor(0.9 * var.database_max_connections)
      periods   = 5
      says      = "More than 90 % of the database's connections are taken. The services come near that only at their most, while they are deployed, so see who else is connected. Without a free one, workers wait as in any outage."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "database" {
  for_each = local.database_alarms

  alarm_name        = "${var.name}-database-${each.key}"
  alarm_description = each.value.says

  namespace   = "AWS/RDS"
  metric_name = each.value.metric
  dimensions  = { DBInstanceIdentifier = aws_db_instance.this.identifier }
  statistic   = "Average"
  period      = 60

  evaluation_periods  = each.value.periods
  comparison_operator = each.value.below ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "missing"

  alarm_actions = [var.alarm_topic_arn]
  ok_actions    = [var.alarm_topic_arn]
  tags          = var.tags
}

# In a hundred requests, as IntakeRefuses has it. The load balancer's own answers are not among its
# requests, so they are added to both sides. Without requests it says nothing, and all is well.
resource "aws_cloudwatch_metric_alarm" "server_errors" {
  alarm_name        = "${var.name}-server-errors"
  alarm_description = "For five minutes more than two requests in a hundred were answered 5xx. 503 and 500 come from web: see its log, and whether SQS answers. 502 and 504 come from the load balancer: see whether web's tasks are restarted."

  metric_query {
    id          = "share"
    label       = "5xx in a hundred requests"
    expression  = "100 * (FILL(ours, 0) + FILL(balancers, 0)) / (FILL(requests, 0) + FILL(balancers, 0))"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      ours      = "HTTPCode_Target_5XX_Count"
      balancers = "HTTPCode_ELB_5XX_Count"
      requests  = "RequestCount"
    }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value
        dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
        stat        = "Sum"
        period      = 60
      }
    }
  }

  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = 2
  treat_missing_data  = "notBreaching"

  alarm_actions = [var.alarm_topic_arn]
  ok_actions    = [var.alarm_topic_arn]
  tags          = var.tags
}

# Without any target there is no number, so silence is the worst case.
resource "aws_cloudwatch_metric_alarm" "no_web" {
  alarm_name        = "${var.name}-no-web"
  alarm_description = "For three minutes no web task has answered /healthz, so no order is accepted. The tasks' stop reasons and web's log say why: mostly a setting or a secret that is missing."

  namespace   = "AWS/ApplicationELB"
  metric_name = "HealthyHostCount"
  dimensions = {
    LoadBalancer = aws_lb.this.arn_suffix
    TargetGroup  = aws_lb_target_group.http["web"].arn_suffix
  }
  statistic = "Maximum" # over the zones, each of which counts for itself
  period    = 60

  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"

  alarm_actions = [var.alarm_topic_arn]
  ok_actions    = [var.alarm_topic_arn]
  tags          = var.tags
}

resource "aws_cloudwatch_metric_alarm" "too_few_workers" {
  alarm_name        = "${var.name}-too-few-workers"
  alarm_description = "For ten minutes fewer than ${var.worker_min} workers have run. If they end at once, their log says why: exit code 78 means that the queues contradict their numbers, 70 that they could not poll."

  namespace   = "ECS/ContainerInsights"
  metric_name = "RunningTaskCount"
  dimensions = {
    ClusterName = aws_ecs_cluster.this.name
    ServiceName = aws_ecs_service.worker.name
  }
  statistic = "Maximum"
  period    = 60

  evaluation_periods  = 10
  comparison_operator = "LessThanThreshold"
  threshold           = var.worker_min
  treat_missing_data  = "breaching"

  alarm_actions = [var.alarm_topic_arn]
  ok_actions    = [var.alarm_topic_arn]
  tags          = var.tags
}
