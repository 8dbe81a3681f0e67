# Before a new version runs: `grant` gives the services' user its password and its rights, `migrate`
# brings the tables up to date. No service does either, so none has the rights for it. Terraform makes
# the task and does not run it: the output release_command does.

locals {
  administrator_secret_arn = aws_db_instance.this.master_user_secret[0].secret_arn

  administrator_login = {
    DATABASE_USER     = "${local.administrator_secret_arn}:username::"
    DATABASE_PASSWORD = "${local.administrator_secret_arn}:password::"
  }

  release = [
    {
      name      = "grant"
      essential = false
      # Nobody is there to ask whether a login with a part of the rights gets them all: it is the services'.
      command   = ["flask", "--app", "app", "database", "grant", "--yes"]
      dependsOn = []
      secrets = merge(local.application_secrets, local.administrator_login, {
        SERVICE_DATABASE_USER     = "${var.database_secret_arn}:username::"
        SERVICE_DATABASE_PASSWORD = "${var.database_secret_arn}:password::"
      })
    },
    {
      name      = "migrate"
      essential = true
      command   = ["alembic", "upgrade", "head"]
      dependsOn = [{ containerName = "grant", condition = "SUCCESS" }]
      secrets   = merge(local.application_secrets, local.administrator_login)
    },
  ]

  release_network = join(",", [
    "subnets=[${join(",", [for subnet in aws_subnet.private : subnet.id])}]",
    "securityGroups=[${aws_security_group.this["release"].id}]",
    "assignPublicIp=DISABLED",
  ])

  # It ends with 0 only if the migrations did. Without a revision ECS takes the newest: this output is
  # not read anew by an apply of the task definition alone, which comes before a release.
  release_command = <<-EOT
    task=$(aws ecs run-task --cluster ${aws_ecs_cluster.this.name} --launch-type FARGATE \
      --task-definition ${aws_ecs_task_definition.release.family} \
      --network-configuration 'awsvpcConfiguration={${local.release_network}}' \
      --query 'tasks[0].taskArn' --output text) &&
    aws ecs wait tasks-stopped --cluster ${aws_ecs_cluster.this.name} --tasks "$task" &&
    test "$(aws ecs describe-tasks --cluster ${aws_ecs_cluster.this.name} --tasks "$task" \
      --query "tasks[0].containers[?name=='migrate'] | [0].exitCode" --output text)" = 0
  EOT
}

# It has no role: neither command asks AWS for anything.
resource "aws_ecs_task_definition" "release" {
  family                   = "${var.name}-release"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution["release"].arn
  skip_destroy             = true # see services.tf

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  container_definitions = jsonencode([for step in local.release : merge(local.container, {
    name             = step.name
    essential        = step.essential
    command          = step.command
    dependsOn        = step.dependsOn
    environment      = [for name, value in local.common_environment : { name = name, value = value }]
    secrets          = [for name, source in step.secrets : { name = name, valueFrom = source }]
    logConfiguration = local.logging.release
  })])

  tags = var.tags
}
