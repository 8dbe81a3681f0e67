# HTTPS for clients. /monitor goes to the workbench for operators' addresses, and for all others to web,
# where there is none.

locals {
  idle_timeout = 60 # seconds

  # A rule takes five values in all: two paths, so three addresses.
  operator_cidrs = chunklist(var.operator_cidrs, 3)
}

resource "aws_lb" "this" {
  #checkov:skip=CKV2_AWS_28:A firewall's rules and price are for whoever runs this to choose. Every order needs a signed token.

  name               = var.name
  load_balancer_type = "application"
  security_groups    = [aws_security_group.this["balancer"].id]
  subnets            = [for subnet in aws_subnet.public : subnet.id]

  idle_timeout               = local.idle_timeout
  drop_invalid_header_fields = true
  enable_deletion_protection = var.deletion_protection

  dynamic "access_logs" {
    for_each = var.access_logs_bucket == null ? [] : [var.access_logs_bucket]

    content {
      bucket  = access_logs.value
      prefix  = var.name
      enabled = true
    }
  }

  tags = var.tags
}

resource "aws_lb_target_group" "http" {
  #checkov:skip=CKV_AWS_378:Between load balancer and task, within the network; clients have HTTPS alone.

  for_each = local.http

  name        = "${var.name}-${each.key}"
  vpc_id      = aws_vpc.this.id
  target_type = "ip"
  protocol    = "HTTP"
  port        = local.port

  # Seconds between the last new request and SIGTERM. A post takes 5 at the most, and a page of the
  # workbench waits 10 for a statement.
  deregistration_delay = 20

  # Not /readyz: with SQS away no task would be ready, ECS would replace them all, and none of that helps.
  health_check {
    path                = "/healthz"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  tags = var.tags
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this.arn
  protocol          = "HTTP"
  port              = 80

  default_action {
    type = "redirect"

    redirect {
      protocol    = "HTTPS"
      port        = "443"
      status_code = "HTTP_301"
    }
  }

  tags = var.tags
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  protocol          = "HTTPS"
  port              = 443
  certificate_arn   = var.certificate_arn
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.http["web"].arn
  }

  tags = var.tags
}

resource "aws_lb_listener_rule" "workbench" {
  count = length(local.operator_cidrs)

  listener_arn = aws_lb_listener.https.arn
  priority     = 10 + count.index

  condition {
    path_pattern {
      values = ["/monitor", "/monitor/*"]
    }
  }

  condition {
    source_ip {
      values = local.operator_cidrs[count.index]
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.http["workbench"].arn
  }

  tags = var.tags
}
