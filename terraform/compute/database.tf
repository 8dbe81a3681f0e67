# MariaDB, encrypted, in subnets without a way out, over TLS only. Its administrator's password is made,
# kept and rotated by RDS; nothing but the release task reads it.

locals {
  database_port    = 3306
  database_version = "10.11" # that of the tests
}

resource "aws_db_subnet_group" "this" {
  name        = var.name
  description = "Subnets without a way to the internet."
  subnet_ids  = [for subnet in aws_subnet.database : subnet.id]

  tags = var.tags
}

resource "aws_db_parameter_group" "this" {
  # By prefix: a group that is in use cannot be deleted, so a new version's is made before.
  name_prefix = "${var.name}-"
  description = "What ${var.name} needs of MariaDB."
  family      = "mariadb${local.database_version}"

  parameter {
    name  = "require_secure_transport"
    value = "1"
  }

  # Said here and not left to the instance's memory, as limits.tf counts on it.
  parameter {
    name  = "max_connections"
    value = tostring(var.database_max_connections)
  }

  # In the log below. A statement of a worker takes milliseconds, also for a hundred orders.
  parameter {
    name  = "slow_query_log"
    value = "1"
  }

  parameter {
    name  = "long_query_time"
    value = "1"
  }

  # Not a table, which is where RDS would leave it: CloudWatch gets files only.
  parameter {
    name  = "log_output"
    value = "FILE"
  }

  tags = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "database" {
  for_each = toset(["error", "slowquery"])

  # RDS knows no other name, and would make it itself, without an end.
  name              = "/aws/rds/instance/${var.name}/${each.key}"
  retention_in_days = var.log_retention_days

  tags = var.tags
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_118:Its metrics by the second would need a role and cost extra. Those by the minute are what the alarms need.
  #checkov:skip=CKV_AWS_353:The smallest instance classes refuse it. The slow query log is there for all of them.

  identifier = var.name
  db_name    = var.database_name

  engine                     = "mariadb"
  engine_version             = local.database_version
  auto_minor_version_upgrade = true
  instance_class             = var.database_instance_class
  parameter_group_name       = aws_db_parameter_group.this.name

  storage_type          = "gp3"
  allocated_storage     = var.database_storage
  max_allocated_storage = var.database_max_storage
  storage_encrypted     = true

  port                   = local.database_port
  multi_az               = var.multi_az
  publicly_accessible    = false
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this["database"].id]

  username                    = "administrator"
  manage_master_user_password = true

  backup_retention_period   = var.database_backup_days
  copy_tags_to_snapshot     = true
  delete_automated_backups  = false
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = false
  final_snapshot_identifier = "${var.name}-final"

  enabled_cloudwatch_logs_exports = [for group in keys(aws_cloudwatch_log_group.database) : group]

  tags = var.tags
}
