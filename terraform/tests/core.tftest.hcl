# The module without an account: what a plan says, with made-up answers of AWS. An assertion's message
# says what becomes of orders where it fails.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

# Each with an ARN of its own, or a redrive to the wrong queue would look right, and so would a role with
# another's rights.
override_resource {
  target          = aws_sqs_queue.order_queue
  override_during = plan
  values = {
    arn = "arn:aws:sqs:eu-central-1:111122223333:order-processing-queue"
    url = "https://sqs.eu-central-1.amazonaws.com/111122223333/order-processing-queue"
  }
}

override_resource {
  target          = aws_sqs_queue.order_dlq
  override_during = plan
  values = {
    arn = "arn:aws:sqs:eu-central-1:111122223333:order-dlq"
    url = "https://sqs.eu-central-1.amazonaws.com/111122223333/order-dlq"

    redrive_policy = "" # unless the module says otherwise
  }
}

override_resource {
  target          = aws_iam_policy.queues["web"]
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:policy/order-intake-web" }
}

override_resource {
  target          = aws_iam_policy.queues["worker"]
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:policy/order-intake-worker" }
}

override_resource {
  target          = aws_iam_policy.queues["operator"]
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:policy/order-intake-operator" }
}

override_resource {
  target          = aws_secretsmanager_secret.database
  override_during = plan
  values = {
    id  = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:order-intake/database-AbCdEf"
    arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:order-intake/database-AbCdEf"
  }
}

override_resource {
  target          = aws_secretsmanager_secret.application
  override_during = plan
  values = {
    id  = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:order-intake/application-AbCdEf"
    arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:order-intake/application-AbCdEf"
  }
}

override_resource {
  target          = aws_sns_topic.alarms
  override_during = plan
  values          = { arn = "arn:aws:sns:eu-central-1:111122223333:order-intake-alarms" }
}

run "queues_lose_nothing" {
  command = plan

  assert {
    condition     = jsondecode(aws_sqs_queue.order_queue.redrive_policy).deadLetterTargetArn == output.dlq_arn
    error_message = "Orders that fail would not come to the dead-letter queue that people look into."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.order_queue.redrive_policy).maxReceiveCount == 3
    error_message = "The workers take the third attempt for the last one. With another number an order is dead to them and not to SQS, or the other way round."
  }

  assert {
    condition = jsondecode(aws_sqs_queue.order_dlq.redrive_allow_policy) == {
      redrivePermission = "byQueue"
      sourceQueueArns   = [output.queue_arn]
    }
    error_message = "SQS would not move dead orders, or other queues could mix theirs with ours."
  }

  assert {
    condition     = aws_sqs_queue.order_dlq.redrive_policy == ""
    error_message = "Looking into the dead-letter queue would move its orders on, out of sight."
  }

  assert {
    condition     = aws_sqs_queue.order_queue.visibility_timeout_seconds > 20
    error_message = "A task may run for 20 seconds (TIME_LIMIT). A second worker would have its order before it is done."
  }

  assert {
    condition     = aws_sqs_queue.order_queue.receive_wait_time_seconds == 20
    error_message = "Idle workers would ask without a pause, and each time costs."
  }

  assert {
    condition     = aws_sqs_queue.order_queue.message_retention_seconds >= 86400
    error_message = "An outage of a day would cost orders: the queue deletes them for good."
  }

  assert {
    condition     = aws_sqs_queue.order_dlq.message_retention_seconds == 1209600
    error_message = "Dead orders would be deleted for good before the 14 days that operators count on."
  }

  assert {
    condition     = aws_sqs_queue.order_dlq.message_retention_seconds > aws_sqs_queue.order_queue.message_retention_seconds
    error_message = "SQS counts from the first send: orders would be deleted as they come to the dead-letter queue."
  }

  assert {
    condition     = aws_sqs_queue.order_queue.fifo_queue != true && aws_sqs_queue.order_dlq.fifo_queue != true
    error_message = "One order that fails would hold up all others."
  }

  assert {
    condition     = output.queue_arn == local.queue_arn && output.dlq_arn == local.dlq_arn
    error_message = "The ARNs that the policies are built from are not those of the queues: nobody could send or receive an order."
  }
}

run "orders_are_encrypted" {
  command = plan

  assert {
    condition     = aws_sqs_queue.order_queue.sqs_managed_sse_enabled && aws_sqs_queue.order_dlq.sqs_managed_sse_enabled
    error_message = "Orders would lie on Amazon's disks as they are."
  }

  assert {
    condition = alltrue([
      for arn, policy in { (output.queue_arn) = aws_sqs_queue.order_queue.policy, (output.dlq_arn) = aws_sqs_queue.order_dlq.policy } :
      anytrue([
        for statement in jsondecode(policy).Statement :
        statement.Effect == "Deny" && statement.Principal == "*" && statement.Action == "sqs:*" && statement.Resource == arn
        && jsonencode(statement.Condition) == jsonencode({ Bool = { "aws:SecureTransport" = "false" } })
      ])
    ])
    error_message = "Orders could travel without TLS, or, if the condition is the wrong way round, not with it: then none is accepted."
  }

  assert {
    condition = alltrue([
      for statement in concat(jsondecode(aws_sqs_queue.order_queue.policy).Statement, jsondecode(aws_sqs_queue.order_dlq.policy).Statement) :
      statement.Effect == "Deny"
    ])
    error_message = "A queue's policy must not let anybody in: rights are those of the roles, and somebody else could read or delete orders."
  }
}

run "nobody_may_more_than_they_need" {
  command = plan

  assert {
    condition     = keys(aws_iam_policy.queues) == ["operator", "web", "worker"]
    error_message = "There is a role too few or too many: orders are not sent, not stored or not repaired, or by somebody unknown."
  }

  assert {
    condition = {
      for name, policy in aws_iam_policy.queues : name => {
        for statement in jsondecode(policy.policy).Statement : statement.Resource => join(" ", sort(statement.Action))
      } } == {
      web = {
        (output.queue_arn) = "sqs:GetQueueAttributes sqs:SendMessage"
        (output.dlq_arn)   = "sqs:GetQueueAttributes"
      }
      worker = {
        (output.queue_arn) = "sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage sqs:SendMessage"
        (output.dlq_arn)   = "sqs:GetQueueAttributes"
      }
      operator = {
        (output.queue_arn) = "sqs:GetQueueAttributes sqs:SendMessage"
        (output.dlq_arn)   = "sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage"
      }
    }
    error_message = "A role may less than its code does, so orders stay where they are; or more, so a fault or a thief in it can delete orders."
  }

  assert {
    condition     = !strcontains(join("", [for policy in aws_iam_policy.queues : policy.policy]), "*")
    error_message = "A role has rights by wildcard, so on more than the two queues, or for more than the code does."
  }

  assert {
    condition = alltrue([
      for name, attachment in aws_iam_role_policy_attachment.queues :
      attachment.role == "order-intake-${name}" && attachment.policy_arn == "arn:aws:iam::111122223333:policy/order-intake-${name}"
    ]) && keys(aws_iam_role_policy_attachment.queues) == keys(aws_iam_policy.queues)
    error_message = "A role has no rights, or another's: orders are not sent, stored or repaired."
  }

  assert {
    condition = alltrue([
      for role in aws_iam_role.service : [
        for statement in jsondecode(role.assume_role_policy).Statement :
        [statement.Effect, statement.Principal.Service, statement.Action, statement.Condition.StringEquals["aws:SourceAccount"]]
      ] == [["Allow", "ecs-tasks.amazonaws.com", "sts:AssumeRole", "111122223333"]]
    ])
    error_message = "Tasks cannot take on their role, so no order is accepted or stored; or others than the account's tasks can."
  }
}

run "operators_are_those_who_are_named" {
  command = plan

  variables {
    operator_principals = ["arn:aws:iam::111122223333:role/on-call", "arn:aws:iam::111122223333:user/teams/ann"]
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role.service["operator"].assume_role_policy).Statement :
      statement.Principal.AWS if !can(statement.Principal.Service)
    ] == ["arn:aws:iam::111122223333:role/on-call", "arn:aws:iam::111122223333:user/teams/ann"]
    error_message = "Those who are to repair dead orders cannot, or others can."
  }

  assert {
    condition     = alltrue([for name in ["web", "worker"] : !strcontains(aws_iam_role.service[name].assume_role_policy, "on-call")])
    error_message = "A person could send or delete orders in the name of web or worker."
  }
}

run "somebody_is_called" {
  command = plan

  variables {
    alarm_emails = ["ann@example.com"]
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.dead_messages.metric_name == "ApproximateNumberOfMessagesVisible"
      && aws_cloudwatch_metric_alarm.dead_messages.dimensions.QueueName == "order-dlq"
      && aws_cloudwatch_metric_alarm.dead_messages.comparison_operator == "GreaterThanThreshold"
      && aws_cloudwatch_metric_alarm.dead_messages.threshold == 0
      && aws_cloudwatch_metric_alarm.dead_messages.datapoints_to_alarm == 1
    )
    error_message = "Nobody would hear of the first order that dies."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.dead_messages_expire.metric_name == "ApproximateNumberOfMessagesVisible"
      && aws_cloudwatch_metric_alarm.dead_messages_expire.dimensions.QueueName == "order-dlq"
      && aws_cloudwatch_metric_alarm.dead_messages_expire.comparison_operator == "GreaterThanThreshold"
      && aws_cloudwatch_metric_alarm.dead_messages_expire.threshold == 0
      && (aws_cloudwatch_metric_alarm.dead_messages_expire.period * aws_cloudwatch_metric_alarm.dead_messages_expire.evaluation_periods
      + aws_sqs_queue.order_queue.message_retention_seconds) <= aws_sqs_queue.order_dlq.message_retention_seconds - 3 * 86400
    )
    error_message = "Fewer than three days would be left to repair dead orders before SQS deletes them for good."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.oldest_order_too_old.metric_name == "ApproximateAgeOfOldestMessage"
      && aws_cloudwatch_metric_alarm.oldest_order_too_old.dimensions.QueueName == "order-processing-queue"
      && aws_cloudwatch_metric_alarm.oldest_order_too_old.comparison_operator == "GreaterThanThreshold"
      && aws_cloudwatch_metric_alarm.oldest_order_too_old.threshold >= 180
      && aws_cloudwatch_metric_alarm.oldest_order_too_old.threshold <= aws_sqs_queue.order_queue.message_retention_seconds / 24
    )
    error_message = "Every restart would call somebody; or orders would come near the day after which the queue deletes them."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.oldest_order_expires.metric_name == "ApproximateAgeOfOldestMessage"
      && aws_cloudwatch_metric_alarm.oldest_order_expires.dimensions.QueueName == "order-processing-queue"
      && aws_cloudwatch_metric_alarm.oldest_order_expires.comparison_operator == "GreaterThanThreshold"
      && aws_cloudwatch_metric_alarm.oldest_order_expires.threshold == aws_sqs_queue.order_queue.message_retention_seconds * 5 / 8
    )
    error_message = "Orders that workers renew would call somebody; or nobody would be called before the queue deletes those that nobody renews."
  }

  assert {
    condition = (
      {
        for query in aws_cloudwatch_metric_alarm.nothing_received.metric_query :
        query.id => "${query.metric[0].stat} ${query.metric[0].metric_name} ${query.metric[0].dimensions.QueueName}" if query.return_data != true
        } == {
        waiting  = "Maximum ApproximateNumberOfMessagesVisible order-processing-queue"
        received = "Sum NumberOfMessagesReceived order-processing-queue"
      }
      && [for query in aws_cloudwatch_metric_alarm.nothing_received.metric_query : query.expression if query.return_data == true] == ["IF(FILL(received, 0) > 0, 0, waiting)"]
      && aws_cloudwatch_metric_alarm.nothing_received.comparison_operator == "GreaterThanThreshold"
      && aws_cloudwatch_metric_alarm.nothing_received.threshold == 0
      && aws_cloudwatch_metric_alarm.nothing_received.evaluation_periods >= 3
    )
    error_message = "Orders could wait with no worker there, and nobody would be told; or every restart would call somebody."
  }

  assert {
    condition = alltrue([
      for alarm in [
        aws_cloudwatch_metric_alarm.dead_messages, aws_cloudwatch_metric_alarm.dead_messages_expire,
        aws_cloudwatch_metric_alarm.oldest_order_too_old, aws_cloudwatch_metric_alarm.oldest_order_expires,
        aws_cloudwatch_metric_alarm.nothing_received,
      ] :
      alarm.alarm_actions == toset([output.alarm_topic_arn]) && alarm.ok_actions == toset([output.alarm_topic_arn])
      && alarm.actions_enabled != false && alarm.treat_missing_data == "notBreaching"
    ])
    error_message = "An alarm about orders that wait or are dead would reach nobody, or would call somebody each night that no order comes."
  }

  assert {
    condition = alltrue([
      for alarm in [
        aws_cloudwatch_metric_alarm.dead_messages, aws_cloudwatch_metric_alarm.dead_messages_expire,
        aws_cloudwatch_metric_alarm.oldest_order_too_old, aws_cloudwatch_metric_alarm.oldest_order_expires,
        aws_cloudwatch_metric_alarm.nothing_received,
      ] :
      endswith(alarm.alarm_description, "docs/operating.md#${trimprefix(alarm.alarm_name, "order-intake-")}")
    ])
    error_message = "Who is called is not told where it says what to do about the orders."
  }

  assert {
    condition     = [for subscription in aws_sns_topic_subscription.email : "${subscription.protocol} ${subscription.endpoint} ${subscription.topic_arn}"] == ["email ann@example.com ${output.alarm_topic_arn}"]
    error_message = "Who is to be told of orders that wait or are dead is not."
  }
}

run "only_our_alarms_call" {
  command = plan

  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == aws_kms_key.alarms.arn
    error_message = "The topic is not encrypted; or with AWS's own key, which CloudWatch may not use: alarms would be lost."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_kms_key.alarms.policy).Statement :
      statement.Principal == { Service = "cloudwatch.amazonaws.com" } && toset(statement.Action) == toset(["kms:GenerateDataKey*", "kms:Decrypt"])
      if can(statement.Principal.Service)
    ])
    error_message = "CloudWatch cannot encrypt what it sends: alarms about orders would be lost without a word."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_sns_topic.alarms.policy).Statement :
      [statement.Effect, statement.Principal.Service, statement.Action, statement.Resource,
      statement.Condition.StringEquals["aws:SourceAccount"], statement.Condition.ArnLike["aws:SourceArn"]]
      ] == [[
        "Allow", "cloudwatch.amazonaws.com", "sns:Publish", output.alarm_topic_arn,
        "111122223333", "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:order-intake-*",
    ]]
    error_message = "Alarms would not come through, or others could send false ones until nobody listens."
  }
}

run "one_look_is_enough" {
  command = plan

  assert {
    condition = toset(flatten([
      for widget in jsondecode(aws_cloudwatch_dashboard.queues.dashboard_body).widgets : widget.properties.alarms if widget.type == "alarm"
      ])) == toset([
      for alarm in [
        aws_cloudwatch_metric_alarm.dead_messages, aws_cloudwatch_metric_alarm.dead_messages_expire,
        aws_cloudwatch_metric_alarm.oldest_order_too_old, aws_cloudwatch_metric_alarm.oldest_order_expires,
        aws_cloudwatch_metric_alarm.nothing_received,
      ] : "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:${alarm.alarm_name}"
    ])
    error_message = "The dashboard shows another state of the alarms than the one that calls: an operator would take waiting orders for none."
  }

  assert {
    condition = toset(flatten([
      for widget in jsondecode(aws_cloudwatch_dashboard.queues.dashboard_body).widgets : [
        for metric in widget.properties.metrics : "${metric[3]} ${metric[1]}" if length(metric) > 1
      ] if widget.type == "metric"
      ])) == toset([
      "order-processing-queue ApproximateNumberOfMessagesVisible",
      "order-processing-queue ApproximateNumberOfMessagesNotVisible",
      "order-processing-queue ApproximateNumberOfMessagesDelayed",
      "order-processing-queue ApproximateAgeOfOldestMessage",
      "order-processing-queue NumberOfMessagesSent",
      "order-processing-queue NumberOfMessagesReceived",
      "order-processing-queue NumberOfEmptyReceives",
      "order-processing-queue NumberOfMessagesDeleted",
      "order-dlq ApproximateNumberOfMessagesVisible",
      "order-dlq ApproximateNumberOfMessagesNotVisible",
      "order-dlq ApproximateAgeOfOldestMessage",
    ])
    error_message = "The dashboard leaves out what becomes of orders, or asks for what SQS does not tell."
  }

  assert {
    condition = contains(flatten([
      for widget in jsondecode(aws_cloudwatch_dashboard.queues.dashboard_body).widgets :
      widget.properties.annotations.horizontal[*].value if widget.type == "metric"
    ]), aws_cloudwatch_metric_alarm.oldest_order_too_old.threshold)
    error_message = "The dashboard draws another limit for the age of orders than the one that calls."
  }
}

run "terraform_writes_no_secret_that_it_was_not_given" {
  command = plan

  assert {
    condition     = length(aws_secretsmanager_secret_version.database) + length(aws_secretsmanager_secret_version.application) == 0
    error_message = "Each apply would overwrite the secrets that an operator wrote, and no order is accepted or stored."
  }

  assert {
    condition     = aws_secretsmanager_secret.database.recovery_window_in_days >= 7 && aws_secretsmanager_secret.application.recovery_window_in_days >= 7
    error_message = "A secret that is deleted by mistake would be gone at once. ORDER_ID_SECRET cannot be replaced: accepted orders would not be found."
  }
}

run "terraform_writes_the_secrets_that_it_is_given" {
  command = plan

  variables {
    database_login              = { username = "orders", password = "a-password-of-a-test" }
    database_login_version      = 1
    application_secrets         = { ORDER_ID_SECRET = "a-secret-of-a-test-and-32-characters" }
    application_secrets_version = 2
  }

  assert {
    condition = (
      aws_secretsmanager_secret_version.database[0].secret_id == output.database_secret_arn
      && aws_secretsmanager_secret_version.database[0].secret_string_wo_version == 1
      && aws_secretsmanager_secret_version.application[0].secret_id == output.application_secret_arn
      && aws_secretsmanager_secret_version.application[0].secret_string_wo_version == 2
    )
    error_message = "The services would start without their secrets, and no order is accepted or stored."
  }

  assert {
    condition     = ephemeralasnull(var.database_login) == null && ephemeralasnull(var.application_secrets) == null
    error_message = "The secrets would be in plan files: who reads one can sign tokens and order in anybody's name."
  }
}

run "names_follow_the_variables" {
  command = plan

  variables {
    name       = "staging"
    queue_name = "staging-orders"
    dlq_name   = "staging-dead"
  }

  assert {
    condition = (
      keys(output.policy_arns) == ["operator", "web", "worker"]
      && aws_iam_role.service["web"].name == "staging-web"
      && aws_cloudwatch_metric_alarm.dead_messages.alarm_name == "staging-dead-messages"
      && aws_cloudwatch_metric_alarm.dead_messages.dimensions.QueueName == "staging-dead"
      && aws_secretsmanager_secret.database.name == "staging/database"
      && strcontains(aws_iam_policy.queues["web"].policy, "111122223333:staging-orders\"")
      && !strcontains(aws_iam_policy.queues["web"].policy, "order-processing-queue")
      && !strcontains(aws_cloudwatch_dashboard.queues.dashboard_body, "order-processing-queue")
    )
    error_message = "Two environments in one account would share something, and test orders meet real ones."
  }
}

# What no plan may come of.

run "refuses_a_name_with_capitals" {
  command = plan

  variables {
    name = "Orders"
  }

  expect_failures = [var.name]
}

run "refuses_a_name_too_long" {
  command = plan

  variables {
    name = "a-name-of-21-characte"
  }

  expect_failures = [var.name]
}

run "refuses_a_name_that_ends_with_a_hyphen" {
  command = plan

  variables {
    name = "orders-"
  }

  expect_failures = [var.name]
}

run "refuses_a_fifo_queue" {
  command = plan

  variables {
    queue_name = "orders.fifo"
  }

  expect_failures = [var.queue_name]
}

run "refuses_a_dlq_name_with_a_dot" {
  command = plan

  variables {
    dlq_name = "dead.letters"
  }

  expect_failures = [var.dlq_name]
}

run "refuses_one_queue_as_both" {
  command = plan

  variables {
    dlq_name = "order-processing-queue"
  }

  expect_failures = [var.dlq_name]
}

run "refuses_an_address_without_a_domain" {
  command = plan

  variables {
    alarm_emails = ["ann@localhost"]
  }

  expect_failures = [var.alarm_emails]
}

run "refuses_the_whole_account_as_operator" {
  command = plan

  variables {
    operator_principals = ["arn:aws:iam::111122223333:root"]
  }

  expect_failures = [var.operator_principals]
}

run "refuses_anybody_as_operator" {
  command = plan

  variables {
    operator_principals = ["*"]
  }

  expect_failures = [var.operator_principals]
}

run "refuses_any_role_as_operator" {
  command = plan

  variables {
    operator_principals = ["arn:aws:iam::111122223333:role/*"]
  }

  expect_failures = [var.operator_principals]
}

run "refuses_a_login_without_a_version" {
  command = plan

  variables {
    database_login = { username = "orders", password = "a-password-of-a-test" }
  }

  expect_failures = [var.database_login]
}

run "refuses_a_version_without_a_login" {
  command = plan

  variables {
    database_login_version = 1
  }

  expect_failures = [var.database_login]
}

run "refuses_a_short_password" {
  command = plan

  variables {
    database_login         = { username = "orders", password = "short" }
    database_login_version = 1
  }

  expect_failures = [var.database_login]
}

run "refuses_a_user_that_is_sql" {
  command = plan

  variables {
    database_login         = { username = "orders'@'%", password = "a-password-of-a-test" }
    database_login_version = 1
  }

  expect_failures = [var.database_login]
}

run "refuses_half_a_login_version" {
  command = plan

  variables {
    database_login         = { username = "orders", password = "a-password-of-a-test" }
    database_login_version = 1.5
  }

  expect_failures = [var.database_login_version]
}

run "refuses_secrets_without_a_version" {
  command = plan

  variables {
    application_secrets = { ORDER_ID_SECRET = "a-secret-of-a-test-and-32-characters" }
  }

  expect_failures = [var.application_secrets]
}

run "refuses_a_version_without_secrets" {
  command = plan

  variables {
    application_secrets_version = 1
  }

  expect_failures = [var.application_secrets]
}

run "refuses_a_short_order_id_secret" {
  command = plan

  variables {
    application_secrets         = { ORDER_ID_SECRET = "short" }
    application_secrets_version = 1
  }

  expect_failures = [var.application_secrets]
}

run "refuses_no_order_id_secret" {
  command = plan

  variables {
    application_secrets         = { ORDER_ID_SECRET = null }
    application_secrets_version = 1
  }

  expect_failures = [var.application_secrets]
}

run "refuses_a_short_jwt_secret" {
  command = plan

  variables {
    application_secrets         = { ORDER_ID_SECRET = "a-secret-of-a-test-and-32-characters", JWT_SECRET = "short" }
    application_secrets_version = 1
  }

  expect_failures = [var.application_secrets]
}

run "refuses_half_a_version_of_secrets" {
  command = plan

  variables {
    application_secrets         = { ORDER_ID_SECRET = "a-secret-of-a-test-and-32-characters" }
    application_secrets_version = 1.5
  }

  expect_failures = [var.application_secrets_version]
}

run "refuses_a_tag_of_aws" {
  command = plan

  variables {
    tags = { "aws:owner" = "ann" }
  }

  expect_failures = [var.tags]
}
