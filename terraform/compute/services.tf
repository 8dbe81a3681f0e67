# web takes orders in, worker writes them into the database, and workbench is web once more, for
# operators: with their role and their passwords, and behind their addresses.

locals {
  workbench_count = length(var.operator_cidrs) > 0 ? 1 : 0

  # As in the Procfile. gunicorn has to keep a connection for longer than the load balancer, which would
  # else now and then send a request into one that is being closed, and answer 502.
  serve = ["gunicorn", "-c", "config/gunicorn.py", "--keep-alive", tostring(local.idle_timeout + 5), "app:create_app()"]

  services = merge(
    {
      web = {
        role    = var.role_arns.web
        command = local.serve
        health  = local.port
        cpu     = 512
        memory  = 1024
      }
      worker = {
        role = var.role_arns.worker
        # Else it counts the cores of the machine that it is on.
        command = ["celery", "-A", "tasks", "worker", "--concurrency", tostring(local.processes.worker)]
        health  = local.worker_health
        cpu     = 1024
        memory  = 2048
      }
    },
    local.workbench_count == 0 ? {} : {
      workbench = {
        role    = var.role_arns.operator
        command = local.serve
        health  = local.port
        cpu     = 256
        memory  = 512
      }
    },
  )

  # Behind the load balancer.
  http = setsubtract(keys(local.services), ["worker"])
}

resource "aws_ecs_task_definition" "service" {
  for_each = local.services

  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = each.value.cpu
  memory                   = each.value.memory
  execution_role_arn       = aws_iam_role.execution["service"].arn
  task_role_arn            = each.value.role

  # The old revision stays registered: a deployment that fails goes back to it.
  skip_destroy = true

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  container_definitions = jsonencode([merge(local.container, {
    name        = each.key
    essential   = true
    command     = each.value.command
    environment = [for name, value in local.environment[each.key] : { name = name, value = value }]
    secrets     = [for name, source in local.secrets[each.key] : { name = name, valueFrom = source }]
    stopTimeout = local.stop_timeout[each.key]

    portMappings = each.key == "worker" ? [] : [{ containerPort = local.port, hostPort = local.port, protocol = "tcp" }]

    # Is it alive? Not: are SQS and the database there? A new process would not bring those back. The
    # image has no curl.
    healthCheck = {
      command = [
        "CMD", "python", "-c",
        "import urllib.request as r; r.urlopen('http://127.0.0.1:${each.value.health}/healthz', timeout=4)",
      ]
      interval    = 30
      timeout     = 10
      retries     = 3
      startPeriod = 60
    }

    logConfiguration = local.logging[each.key]
  })])

  tags = var.tags
}

resource "aws_ecs_service" "http" {
  for_each = local.http

  name            = each.key
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.service[each.key].arn
  launch_type     = "FARGATE"
  desired_count   = each.key == "web" ? var.web_count : local.workbench_count
  propagate_tags  = "SERVICE"

  # New ones first, then the old ones go: limits.tf counts on twice the tasks.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  availability_zone_rebalancing      = "ENABLED"
  health_check_grace_period_seconds  = 60

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = [for subnet in aws_subnet.private : subnet.id]
    security_groups  = [aws_security_group.this["web"].id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.http[each.key].arn
    container_name   = each.key
    container_port   = local.port
  }

  tags = var.tags

  # ECS takes no target group that no listener knows. Without the others the first tasks could not
  # start, and after a few failures ECS tries no more.
  depends_on = [
    aws_lb_listener.https,
    aws_lb_listener_rule.workbench,
    aws_iam_role_policy.execution,
    aws_route.private,
    aws_vpc_security_group_egress_rule.https,
  ]
}

resource "aws_ecs_service" "worker" {
  name            = "worker"
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.service["worker"].arn
  launch_type     = "FARGATE"
  desired_count   = var.worker_min
  propagate_tags  = "SERVICE"

  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  availability_zone_rebalancing      = "ENABLED"

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = [for subnet in aws_subnet.private : subnet.id]
    security_groups  = [aws_security_group.this["worker"].id]
    assign_public_ip = false
  }

  tags = var.tags

  depends_on = [
    aws_iam_role_policy.execution,
    aws_route.private,
    aws_vpc_security_group_egress_rule.https,
  ]

  lifecycle {
    ignore_changes = [desired_count] # scaling.tf's
  }
}
