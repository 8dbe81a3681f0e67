# All of it comes from ../compute.tf, which says what each field of `compute` means, gives the defaults
# and refuses what cannot work.

variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
}

variable "account" {
  description = "Account id."
  type        = string
}

variable "region" {
  description = "AWS_REGION."
  type        = string
}

variable "partition" {
  description = "Partition of ARNs: aws, or that of another cloud of AWS."
  type        = string
}

variable "queue_url" {
  description = "SQS_QUEUE_URL."
  type        = string
}

variable "queue_name" {
  description = "Name of the work queue, by which CloudWatch knows it."
  type        = string
}

variable "dlq_url" {
  description = "SQS_DLQ_URL."
  type        = string
}

variable "role_arns" {
  description = "The roles of the services: web, worker, operator."
  type        = object({ web = string, worker = string, operator = string })
}

variable "database_secret_arn" {
  description = "Secret with the login of the services: username and password."
  type        = string
}

variable "application_secret_arn" {
  description = "Secret with JWT_SECRET, ORDER_ID_SECRET and OPERATORS."
  type        = string
}

variable "alarm_topic_arn" {
  description = "Where alarms go."
  type        = string
}

variable "image" {
  description = "The application's image."
  type        = string
}

variable "cpu_architecture" {
  description = "What the image was built for."
  type        = string
}

variable "certificate_arn" {
  description = "The load balancer's certificate."
  type        = string
}

variable "domain" {
  description = "The name on the certificate, or null."
  type        = string
}

variable "availability_zones" {
  description = "Where to run."
  type        = list(string)
}

variable "vpc_cidr" {
  description = "Addresses of the network."
  type        = string
}

variable "operator_cidrs" {
  description = "From where the workbench can be reached."
  type        = list(string)
}

variable "jwt_jwks_url" {
  description = "JWT_JWKS_URL, or null."
  type        = string
}

variable "jwt_audience" {
  description = "JWT_AUDIENCE, or null."
  type        = string
}

variable "jwt_issuer" {
  description = "JWT_ISSUER, or null."
  type        = string
}

variable "web_count" {
  description = "Web tasks."
  type        = number
}

variable "worker_min" {
  description = "Workers that always run."
  type        = number
}

variable "worker_max" {
  description = "Workers under load, as far as the database has connections for them."
  type        = number
}

variable "database_name" {
  description = "The database."
  type        = string
}

variable "database_instance_class" {
  description = "Size of the database."
  type        = string
}

variable "database_storage" {
  description = "GiB to begin with."
  type        = number
}

variable "database_max_storage" {
  description = "GiB up to which the storage grows by itself."
  type        = number
}

variable "database_max_connections" {
  description = "max_connections."
  type        = number
}

variable "database_backup_days" {
  description = "Days that backups are kept."
  type        = number
}

variable "multi_az" {
  description = "Whether database and way out outlive a zone."
  type        = bool
}

variable "deletion_protection" {
  description = "Whether database and load balancer refuse to be deleted."
  type        = bool
}

variable "access_logs_bucket" {
  description = "Bucket for the load balancer's access logs, or null."
  type        = string
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
}
