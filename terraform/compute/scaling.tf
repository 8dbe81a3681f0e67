# As many workers as the backlog asks for, and the database has connections for.

resource "aws_appautoscaling_target" "worker" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.worker.name}"
  min_capacity       = var.worker_min
  max_capacity       = local.worker_max

  tags = var.tags

  lifecycle {
    precondition {
      condition     = local.worker_cap >= var.worker_min
      error_message = "worker_min is ${var.worker_min}, but the database has connections for ${local.worker_cap} workers: of ${var.database_max_connections}, ${local.connections_of_others} are for others, and a worker takes ${local.connections_per_task.worker}, twice that while it is deployed. Raise database_max_connections or lower web_count."
    }
  }
}

# Messages that wait, for each worker that runs; not their number as such, of which no target is right
# for both two workers and ten.
# https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking-metric-math.html
resource "aws_appautoscaling_policy" "worker" {
  name               = "backlog-per-worker"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.worker.service_namespace
  scalable_dimension = aws_appautoscaling_target.worker.scalable_dimension
  resource_id        = aws_appautoscaling_target.worker.resource_id

  target_tracking_scaling_policy_configuration {
    target_value = local.backlog_per_worker

    # A worker takes a minute to start. One that stops drains, so that costs no attempt, but a backlog
    # comes in waves.
    scale_out_cooldown = 60
    scale_in_cooldown  = 600

    customized_metric_specification {
      metrics {
        id          = "backlog_per_worker"
        label       = "Messages that wait, per worker"
        expression  = "waiting / running"
        return_data = true
      }

      metrics {
        id          = "waiting"
        return_data = false

        metric_stat {
          stat = "Average"

          metric {
            namespace   = "AWS/SQS"
            metric_name = "ApproximateNumberOfMessagesVisible"

            dimensions {
              name  = "QueueName"
              value = var.queue_name
            }
          }
        }
      }

      metrics {
        id          = "running"
        return_data = false

        metric_stat {
          stat = "Average"

          metric {
            namespace   = "ECS/ContainerInsights"
            metric_name = "RunningTaskCount"

            dimensions {
              name  = "ClusterName"
              value = aws_ecs_cluster.this.name
            }

            dimensions {
              name  = "ServiceName"
              value = aws_ecs_service.worker.name
            }
          }
        }
      }
    }
  }
}
