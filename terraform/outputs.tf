output "queue_url" {
  description = "URL of the work queue: SQS_QUEUE_URL."
  value       = aws_sqs_queue.order_queue.url
}

output "queue_arn" {
  description = "ARN of the work queue."
  value       = aws_sqs_queue.order_queue.arn
}

output "dlq_url" {
  description = "URL of the dead-letter queue: SQS_DLQ_URL."
  value       = aws_sqs_queue.order_dlq.url
}

output "dlq_arn" {
  description = "ARN of the dead-letter queue."
  value       = aws_sqs_queue.order_dlq.arn
}

output "web_role_arn" {
  description = "Role of the web process without the workbench."
  value       = aws_iam_role.service["web"].arn
}

output "worker_role_arn" {
  description = "Role of the worker."
  value       = aws_iam_role.service["worker"].arn
}

output "operator_role_arn" {
  description = "Role of the workbench, and of people who use `flask dlq`."
  value       = aws_iam_role.service["operator"].arn
}

output "policy_arns" {
  description = "The policies of web, worker and operator, for roles that are made elsewhere."
  value       = { for name, policy in aws_iam_policy.queues : name => policy.arn }
}

output "database_secret_arn" {
  description = "Secret with the services' login at the database: username, password."
  value       = aws_secretsmanager_secret.database.arn
}

output "application_secret_arn" {
  description = "Secret with JWT_SECRET, ORDER_ID_SECRET and OPERATORS."
  value       = aws_secretsmanager_secret.application.arn
}

output "alarm_topic_arn" {
  description = "Topic of the alarms, for whatever is to call people."
  value       = aws_sns_topic.alarms.arn
}
