# What must hold of ../compute, whatever else changes. AWS is mocked.

# Most runs only plan, with what the mocks say known already.
mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

# Those that follow the ids of other resources apply: a plan does not know them, or makes up others.
mock_provider "aws" {
  alias  = "applied"
  source = "./tests/mocks"
}

variables {
  name       = "test"
  tags       = {}
  account    = "111122223333"
  region     = "eu-central-1"
  partition  = "aws"
  queue_name = "orders"
  queue_url  = "https://sqs.test/111122223333/orders"
  dlq_url    = "https://sqs.test/111122223333/dead"

  role_arns = {
    web      = "arn:aws:iam::111122223333:role/web"
    worker   = "arn:aws:iam::111122223333:role/worker"
    operator = "arn:aws:iam::111122223333:role/operator"
  }

  database_secret_arn    = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:database"
  application_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:application"
  alarm_topic_arn        = "arn:aws:sns:eu-central-1:111122223333:alarms"

  image                    = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/team/order-intake:1"
  cpu_architecture         = "X86_64"
  certificate_arn          = "arn:aws:acm:eu-central-1:111122223333:certificate/0"
  domain                   = null
  availability_zones       = ["zone-a", "zone-b"]
  vpc_cidr                 = "10.60.0.0/16"
  operator_cidrs           = ["203.0.113.7/32"]
  jwt_jwks_url             = null
  jwt_audience             = null
  jwt_issuer               = null
  web_count                = 2
  worker_min               = 2
  worker_max               = 8
  database_name            = "orders"
  database_instance_class  = "db.t4g.medium"
  database_storage         = 20
  database_max_storage     = 100
  database_max_connections = 300
  database_backup_days     = 7
  multi_az                 = true
  deletion_protection      = true
  access_logs_bucket       = null
  log_retention_days       = 90
}

run "the_database_is_reached_by_tls_only" {
  command = plan

  module {
    source = "./compute"
  }

  assert {
    condition = one([
      for parameter in aws_db_parameter_group.this.parameter : parameter.value if parameter.name == "require_secure_transport"
    ]) == "1"
    error_message = "The database takes connections without TLS."
  }

  assert {
    condition = alltrue(flatten([
      for task in concat(values(aws_ecs_task_definition.service), [aws_ecs_task_definition.release]) : [
        for container in jsondecode(task.container_definitions) : [
          for variable in container.environment :
          variable.value == "mysql+pymysql://database.test:3306/orders?ssl_ca=/etc/ssl/certs/rds.pem"
          if variable.name == "DATABASE_URL"
        ]
      ]
    ]))
    error_message = "A container does not check the database's certificate."
  }
}

run "each_service_has_its_own_role_and_only_the_workbench_has_operators" {
  command = plan

  module {
    source = "./compute"
  }

  assert {
    condition = { for name, task in aws_ecs_task_definition.service : name => task.task_role_arn } == {
      web       = var.role_arns.web
      worker    = var.role_arns.worker
      workbench = var.role_arns.operator
    }
    error_message = "A service has another's role."
  }

  assert {
    condition     = aws_ecs_task_definition.release.task_role_arn == null
    error_message = "The release task asks AWS for nothing, and has a role."
  }

  assert {
    condition = {
      for name, task in aws_ecs_task_definition.service :
      name => [for secret in jsondecode(task.container_definitions)[0].secrets : secret.name]
      } == {
      web       = ["DATABASE_PASSWORD", "DATABASE_USER", "JWT_SECRET", "ORDER_ID_SECRET"]
      worker    = ["DATABASE_PASSWORD", "DATABASE_USER", "JWT_SECRET", "ORDER_ID_SECRET"]
      workbench = ["DATABASE_PASSWORD", "DATABASE_USER", "JWT_SECRET", "OPERATORS", "ORDER_ID_SECRET"]
    }
    error_message = "A service has other secrets than it needs."
  }

  assert {
    condition = alltrue(flatten([
      for task in concat(values(aws_ecs_task_definition.service), [aws_ecs_task_definition.release]) : [
        for container in jsondecode(task.container_definitions) : [
          for variable in container.environment : !can(regex("SECRET|PASSWORD|OPERATORS|USER", variable.name))
        ]
      ]
    ]))
    error_message = "A secret stands in a task definition, where it can be read."
  }

  assert {
    condition = alltrue(flatten([
      for task in aws_ecs_task_definition.service : [
        for secret in jsondecode(task.container_definitions)[0].secrets : !strcontains(secret.valueFrom, "administrator")
      ]
    ]))
    error_message = "A service logs in as the database's administrator."
  }
}

run "the_services_may_not_read_the_administrators_secret" {
  command = plan

  module {
    source = "./compute"
  }

  override_resource {
    target          = aws_iam_role.execution["release"]
    override_during = plan
    values = {
      arn = "arn:aws:iam::111122223333:role/release"
    }
  }

  assert {
    condition = {
      for name, policy in aws_iam_role_policy.execution : name => flatten([
        for statement in jsondecode(policy.policy).Statement : statement.Resource
        if contains(statement.Action, "secretsmanager:GetSecretValue")
      ])
      } == {
      service = [var.application_secret_arn, var.database_secret_arn]
      release = [
        var.application_secret_arn,
        var.database_secret_arn,
        "arn:aws:secretsmanager:eu-central-1:111122223333:secret:administrator",
      ]
    }
    error_message = "An execution role may read other secrets than its tasks need."
  }

  assert {
    condition = (
      alltrue([for task in aws_ecs_task_definition.service : task.execution_role_arn != "arn:aws:iam::111122223333:role/release"])
      && aws_ecs_task_definition.release.execution_role_arn == "arn:aws:iam::111122223333:role/release"
    )
    error_message = "A task is started with the rights of another."
  }

  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_role_policy.execution : [
        for statement in jsondecode(policy.policy).Statement :
        !contains(statement.Resource, "*") || statement.Action == ["ecr:GetAuthorizationToken"]
      ]
    ]))
    error_message = "An execution role may do something with everything."
  }

  assert {
    condition = contains(
      flatten([for statement in jsondecode(aws_iam_role_policy.execution["service"].policy).Statement : statement.Resource]),
      "arn:aws:ecr:eu-central-1:111122223333:repository/team/order-intake",
    )
    error_message = "ECS may not pull the image."
  }

}

run "nothing_is_killed_before_it_has_drained" {
  command = plan

  module {
    source = "./compute"
  }

  assert {
    condition = alltrue([
      for name, task in aws_ecs_task_definition.service :
      jsondecode(task.container_definitions)[0].stopTimeout > (name == "worker" ? output.limits.worker_drain : output.limits.web_drain)
    ])
    error_message = "A task gets less time to end than it may take."
  }

  assert {
    condition     = alltrue([for task in aws_ecs_task_definition.service : jsondecode(task.container_definitions)[0].stopTimeout <= 120])
    error_message = "Fargate gives a task 120 seconds to end at the most."
  }

  assert {
    condition     = alltrue([for group in aws_lb_target_group.http : tonumber(group.deregistration_delay) > output.limits.web_drain])
    error_message = "The load balancer lets go of requests in flight."
  }

  assert {
    condition = tonumber(
      regex("--keep-alive ([0-9]+)", join(" ", jsondecode(aws_ecs_task_definition.service["web"].container_definitions)[0].command))[0]
    ) > aws_lb.this.idle_timeout
    error_message = "gunicorn closes connections that the load balancer still uses."
  }
}

run "a_deploy_that_fails_goes_back" {
  command = plan

  module {
    source = "./compute"
  }

  assert {
    condition = alltrue([
      for service in concat(values(aws_ecs_service.http), [aws_ecs_service.worker]) :
      service.deployment_circuit_breaker[0].enable && service.deployment_circuit_breaker[0].rollback
    ])
    error_message = "A service stays with a version that does not start."
  }

  assert {
    condition = alltrue([
      for service in concat(values(aws_ecs_service.http), [aws_ecs_service.worker]) :
      service.deployment_minimum_healthy_percent == 100
      && service.deployment_maximum_percent == 100 * output.limits.tasks_at_once
    ])
    error_message = "A deploy takes away tasks that are needed, or starts more than the database has connections for."
  }
}

run "clients_have_https_alone" {
  command = plan

  module {
    source = "./compute"
  }

  assert {
    condition = (
      [for action in aws_lb_listener.http.default_action : action.type] == ["redirect"]
      && aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS"
    )
    error_message = "HTTP does more than redirect to HTTPS."
  }

  assert {
    condition = (
      aws_lb_listener.https.protocol == "HTTPS"
      && aws_lb_listener.https.certificate_arn == var.certificate_arn
      && startswith(aws_lb_listener.https.ssl_policy, "ELBSecurityPolicy-TLS13-1-2-")
    )
    error_message = "HTTPS is none, or an old one."
  }

  assert {
    condition     = aws_lb.this.drop_invalid_header_fields && aws_lb.this.enable_deletion_protection
    error_message = "The load balancer passes on headers that are none, or can be deleted by mistake."
  }

  assert {
    condition     = output.url == "https://balancer.test"
    error_message = "The URL is another."
  }
}

run "without_operators_there_is_no_workbench" {
  command = plan

  module {
    source = "./compute"
  }

  variables {
    operator_cidrs = []
  }

  assert {
    condition = (
      toset(keys(aws_ecs_service.http)) == toset(["web"])
      && !contains(keys(aws_ecs_task_definition.service), "workbench")
      && length(aws_lb_listener_rule.workbench) == 0
    )
    error_message = "There is a workbench, and nobody to use it."
  }
}

run "with_an_identity_provider_there_is_no_jwt_secret" {
  command = plan

  module {
    source = "./compute"
  }

  variables {
    jwt_jwks_url = "https://identity.test/keys"
    jwt_issuer   = "https://identity.test"
  }

  assert {
    condition = alltrue(flatten([
      for task in concat(values(aws_ecs_task_definition.service), [aws_ecs_task_definition.release]) : [
        for container in jsondecode(task.container_definitions) :
        !contains([for secret in container.secrets : secret.name], "JWT_SECRET")
        && contains(container.environment, { name = "JWT_JWKS_URL", value = "https://identity.test/keys" })
        && contains(container.environment, { name = "JWT_ISSUER", value = "https://identity.test" })
      ]
    ]))
    error_message = "A process is told two ways to check a token, or none."
  }
}

run "the_backlog_of_a_worker_decides_how_many_there_are" {
  command = plan

  module {
    source = "./compute"
  }

  assert {
    condition = (
      aws_appautoscaling_target.worker.resource_id == "service/test/worker"
      && aws_appautoscaling_target.worker.min_capacity == 2
      && aws_appautoscaling_target.worker.max_capacity == 8
    )
    error_message = "Other tasks are scaled, or to other numbers."
  }

  assert {
    condition = alltrue([
      for policy in aws_appautoscaling_policy.worker.target_tracking_scaling_policy_configuration :
      policy.target_value == output.limits.backlog_per_worker && policy.scale_in_cooldown > policy.scale_out_cooldown
    ])
    error_message = "Workers follow another number, or leave as fast as they come."
  }

  assert {
    condition = toset(flatten([
      for policy in aws_appautoscaling_policy.worker.target_tracking_scaling_policy_configuration : [
        for specification in policy.customized_metric_specification : [
          for metric in specification.metrics : [for stat in metric.metric_stat : [for named in stat.metric : named.metric_name]]
        ]
      ]
    ])) == toset(["ApproximateNumberOfMessagesVisible", "RunningTaskCount"])
    error_message = "Workers follow other metrics."
  }
}

run "there_are_never_more_workers_than_connections" {
  command = plan

  module {
    source = "./compute"
  }

  variables {
    worker_max = 50
  }

  expect_failures = [check.worker_max]

  assert {
    condition = (
      aws_appautoscaling_target.worker.max_capacity >= 1
      && output.limits.connections_reserved + output.limits.tasks_at_once * (
        var.web_count * output.limits.connections_per_task.web
        + output.limits.connections_per_task.workbench
        + aws_appautoscaling_target.worker.max_capacity * output.limits.connections_per_task.worker
      ) <= output.limits.max_connections
    )
    error_message = "The workers may take more connections than there are."
  }

  assert {
    condition = one([
      for parameter in aws_db_parameter_group.this.parameter : tonumber(parameter.value) if parameter.name == "max_connections"
    ]) == output.limits.max_connections
    error_message = "The database gives another number of connections than is counted on."
  }
}

run "fewer_connections_than_the_least_workers_need_are_refused" {
  command = plan

  module {
    source = "./compute"
  }

  variables {
    database_max_connections = 180
  }

  expect_failures = [check.worker_max, aws_appautoscaling_target.worker]
}

run "all_alarms_call_somebody_and_say_why" {
  command = plan

  module {
    source = "./compute"
  }

  assert {
    condition = alltrue([
      for alarm in concat(
        values(aws_cloudwatch_metric_alarm.database),
        [aws_cloudwatch_metric_alarm.server_errors, aws_cloudwatch_metric_alarm.no_web, aws_cloudwatch_metric_alarm.too_few_workers],
      ) : alarm.alarm_actions == toset([var.alarm_topic_arn]) && length(alarm.alarm_description) > 80
    ])
    error_message = "An alarm calls nobody, or does not say what is the matter."
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.database)) == toset(["connections", "cpu", "storage"])
    error_message = "The database has other alarms."
  }
}

run "the_workbench_is_for_operators_addresses" {
  command = apply

  module {
    source = "./compute"
  }

  providers = {
    aws = aws.applied
  }

  # Only what is made here is overridden, and what is applied stays: so this run is the first of these.
  override_resource {
    target = aws_lb_target_group.http["workbench"]
    values = {
      arn = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/workbench/0"
    }
  }

  variables {
    operator_cidrs = ["203.0.113.7/32", "198.51.100.0/24", "192.0.2.0/25", "192.0.2.128/25"]
  }

  assert {
    condition = alltrue([
      for rule in aws_lb_listener_rule.workbench :
      length(flatten([for condition in rule.condition : [for source in condition.source_ip : tolist(source.values)]])) > 0
      && length(flatten([for condition in rule.condition : [for path in condition.path_pattern : tolist(path.values)]])) > 0
    ])
    error_message = "The workbench is open to the world, or has the API's requests, too."
  }

  assert {
    condition = toset(flatten([
      for rule in aws_lb_listener_rule.workbench : [
        for condition in rule.condition : [for source in condition.source_ip : tolist(source.values)]
      ]
    ])) == toset(var.operator_cidrs)
    error_message = "An operator's address is missing, or there is one too many."
  }

  assert {
    condition = alltrue([
      for rule in aws_lb_listener_rule.workbench :
      one(rule.action[*].target_group_arn) == aws_lb_target_group.http["workbench"].arn
    ])
    error_message = "Operators do not get to the workbench."
  }

  assert {
    condition     = one(aws_lb_listener.https.default_action[*].target_group_arn) == aws_lb_target_group.http["web"].arn
    error_message = "What is not for the workbench does not go to web."
  }
}

run "the_database_is_encrypted_and_out_of_reach" {
  command = apply

  module {
    source = "./compute"
  }

  providers = {
    aws = aws.applied
  }

  assert {
    condition     = !aws_db_instance.this.publicly_accessible && aws_db_instance.this.storage_encrypted
    error_message = "The database is public, or not encrypted."
  }

  assert {
    condition     = toset(aws_db_subnet_group.this.subnet_ids) == toset([for subnet in aws_subnet.database : subnet.id])
    error_message = "The database is in other subnets than its own."
  }

  assert {
    condition = alltrue([
      for table in concat([aws_route.public], values(aws_route.private)) : table.route_table_id != aws_route_table.database.id
    ])
    error_message = "The database's subnets have a way to the internet."
  }

  assert {
    condition = alltrue([
      for association in aws_route_table_association.database : association.route_table_id == aws_route_table.database.id
    ])
    error_message = "The database's subnets have another's routes."
  }

  assert {
    condition     = toset(keys(aws_vpc_security_group_ingress_rule.database)) == toset(["web", "worker", "release"])
    error_message = "Others than web, worker and release may talk to the database."
  }

  assert {
    condition = alltrue([
      for rule in aws_vpc_security_group_ingress_rule.database :
      rule.referenced_security_group_id != null && rule.cidr_ipv4 == null && rule.cidr_ipv6 == null
    ])
    error_message = "The database trusts addresses."
  }

  assert {
    condition     = aws_db_instance.this.parameter_group_name == aws_db_parameter_group.this.name
    error_message = "The database goes by other parameters."
  }

  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "RDS does not make the administrator's password itself."
  }

  assert {
    condition = (
      aws_db_instance.this.deletion_protection
      && aws_db_instance.this.backup_retention_period == 7
      && !aws_db_instance.this.skip_final_snapshot
    )
    error_message = "The database can be lost."
  }
}

run "the_release_task_grants_and_then_migrates_as_the_administrator" {
  command = apply

  module {
    source = "./compute"
  }

  providers = {
    aws = aws.applied
  }

  assert {
    condition = [
      for container in jsondecode(aws_ecs_task_definition.release.container_definitions) :
      [container.name, container.essential, join(" ", container.command)]
      ] == [
      ["grant", false, "flask --app app database grant --yes"],
      ["migrate", true, "alembic upgrade head"],
    ]
    error_message = "The release task does something else."
  }

  assert {
    condition = jsondecode(aws_ecs_task_definition.release.container_definitions)[1].dependsOn == [
      { condition = "SUCCESS", containerName = "grant" },
    ]
    error_message = "The migrations do not wait for the grant."
  }

  assert {
    condition     = startswith(output.release_command, "task=$(aws ecs run-task --cluster test ")
    error_message = "There is no command for the release task."
  }

  assert {
    condition = alltrue([
      for container in jsondecode(aws_ecs_task_definition.release.container_definitions) : one([
        for secret in container.secrets : secret.valueFrom if secret.name == "DATABASE_PASSWORD"
      ]) == "arn:aws:secretsmanager:eu-central-1:111122223333:secret:administrator:password::"
    ])
    error_message = "The release task does not log in as the administrator."
  }

  assert {
    condition = [
      for secret in jsondecode(aws_ecs_task_definition.release.container_definitions)[0].secrets :
      secret.valueFrom if startswith(secret.name, "SERVICE_")
    ] == ["${var.database_secret_arn}:password::", "${var.database_secret_arn}:username::"]
    error_message = "The grant is for another user than the services log in as."
  }
}

run "a_container_can_change_nothing_but_tmp" {
  command = apply

  module {
    source = "./compute"
  }

  providers = {
    aws = aws.applied
  }

  assert {
    condition = alltrue(flatten([
      for task in concat(values(aws_ecs_task_definition.service), [aws_ecs_task_definition.release]) : [
        for container in jsondecode(task.container_definitions) :
        container.readonlyRootFilesystem
        && container.linuxParameters.capabilities.drop == ["ALL"]
        && [for mount in container.linuxParameters.tmpfs : mount.containerPath] == ["/tmp"]
      ]
    ]))
    error_message = "A container may change its own files, or has rights of the kernel."
  }

  assert {
    condition = alltrue([
      for service in concat(values(aws_ecs_service.http), [aws_ecs_service.worker]) :
      !service.network_configuration[0].assign_public_ip
      && toset(service.network_configuration[0].subnets) == toset([for subnet in aws_subnet.private : subnet.id])
    ])
    error_message = "A task can be reached from the internet."
  }

  assert {
    condition     = aws_default_security_group.closed.vpc_id == aws_vpc.this.id
    error_message = "The network's default group is open."
  }
}
