# Who may talk to whom. Groups name each other, so an address is never trusted for where it is.

locals {
  groups = {
    balancer = "The load balancer of ${var.name}."
    web      = "Web and workbench of ${var.name}."
    worker   = "Workers of ${var.name}."
    release  = "Migrations of ${var.name}."
    database = "The database of ${var.name}."
  }

  # Those that run the application.
  tasks = toset(["web", "worker", "release"])
}

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:The one that seems unused is the release task's, which the output release_command names.

  for_each = local.groups

  name        = "${var.name}-${each.key}"
  description = each.value
  vpc_id      = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

# 80 answers with a redirect and nothing else: see balancer.tf.
resource "aws_vpc_security_group_ingress_rule" "balancer" {
  #checkov:skip=CKV_AWS_260:All that port 80 answers is a redirect to HTTPS.

  for_each = { http = 80, https = 443 }

  security_group_id = aws_security_group.this["balancer"].id
  description       = "Clients, by ${each.key}"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value

  tags = var.tags
}

resource "aws_vpc_security_group_egress_rule" "balancer" {
  security_group_id            = aws_security_group.this["balancer"].id
  description                  = "To web and workbench"
  referenced_security_group_id = aws_security_group.this["web"].id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port

  tags = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "web" {
  security_group_id            = aws_security_group.this["web"].id
  description                  = "From the load balancer"
  referenced_security_group_id = aws_security_group.this["balancer"].id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port

  tags = var.tags
}

# SQS, the registry, secrets and logs, and the identity provider's keys: all of them HTTPS, none with an
# address of its own.
resource "aws_vpc_security_group_egress_rule" "https" {
  for_each = local.tasks

  security_group_id = aws_security_group.this[each.key].id
  description       = "To AWS and the identity provider"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443

  tags = var.tags
}

resource "aws_vpc_security_group_egress_rule" "database" {
  for_each = local.tasks

  security_group_id            = aws_security_group.this[each.key].id
  description                  = "To the database"
  referenced_security_group_id = aws_security_group.this["database"].id
  ip_protocol                  = "tcp"
  from_port                    = local.database_port
  to_port                      = local.database_port

  tags = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  for_each = local.tasks

  security_group_id            = aws_security_group.this["database"].id
  description                  = "From ${each.key}"
  referenced_security_group_id = aws_security_group.this[each.key].id
  ip_protocol                  = "tcp"
  from_port                    = local.database_port
  to_port                      = local.database_port

  tags = var.tags
}
