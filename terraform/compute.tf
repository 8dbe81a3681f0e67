# Where the application runs, if it is to run on ECS: network, MariaDB, load balancer and services, in a
# module of their own. Without `compute` there are queues, roles, secrets and alarms for an application
# that runs elsewhere.

variable "compute" {
  description = <<-EOT
    Runs the application on ECS; null leaves all of that out.

    image: the application's image, with a digest or a tag that is not moved.
    cpu_architecture: what it was built for.
    certificate_arn: the load balancer's certificate, in ACM.
    domain: the name on it; a DNS record for it to the load balancer is yours to make.
    availability_zones: two or three.
    vpc_cidr: addresses of the network, /16 to /22.
    operator_cidrs: from where the workbench can be reached; without any there is none.
    jwt_jwks_url, jwt_audience, jwt_issuer: an identity provider instead of JWT_SECRET.
    web_count: web tasks.
    worker_min, worker_max: workers; how many run between the two, the backlog says.
    database_name, database_instance_class, database_storage, database_max_storage (GiB),
    database_backup_days: the database.
    database_max_connections: worker_max is cut to what they are enough for. Each may take some MiB.
    multi_az: whether the database has a standby, and each zone a way out of its own.
    deletion_protection: whether database and load balancer refuse to be deleted.
    access_logs_bucket: a bucket for the load balancer's access logs, which it may write to.
    log_retention_days: how long logs are kept.
  EOT

  type = object({
    image                    = string
    cpu_architecture         = optional(string, "X86_64")
    certificate_arn          = string
    domain                   = optional(string)
    availability_zones       = list(string)
    vpc_cidr                 = optional(string, "10.60.0.0/16")
    operator_cidrs           = optional(list(string), [])
    jwt_jwks_url             = optional(string)
    jwt_audience             = optional(string)
    jwt_issuer               = optional(string)
    web_count                = optional(number, 2)
    worker_min               = optional(number, 2)
    worker_max               = optional(number, 8)
    database_name            = optional(string, "orders")
    database_instance_class  = optional(string, "db.t4g.medium")
    database_storage         = optional(number, 20)
    database_max_storage     = optional(number, 100)
    database_backup_days     = optional(number, 7)
    database_max_connections = optional(number, 300)
    multi_az                 = optional(bool, true)
    deletion_protection      = optional(bool, true)
    access_logs_bucket       = optional(string)
    log_retention_days       = optional(number, 90)
  })
  default = null

  validation {
    # A tag that moves would make two tasks of one service differ, and leave a rollback nothing to go to.
    condition = var.compute == null ? true : (
      can(regex("^[^\\s@]+(:\\w[\\w.-]{0,127}|@sha256:[0-9a-f]{64})$", var.compute.image))
      && !endswith(var.compute.image, ":latest")
    )
    error_message = "image needs a digest (REPOSITORY@sha256:...) or a tag other than latest (REPOSITORY:TAG)."
  }

  validation {
    condition     = var.compute == null ? true : contains(["X86_64", "ARM64"], var.compute.cpu_architecture)
    error_message = "cpu_architecture is X86_64 or ARM64."
  }

  validation {
    condition = var.compute == null ? true : can(
      regex("^arn:[a-z-]+:acm:[a-z0-9-]+:[0-9]+:certificate/.+$", var.compute.certificate_arn)
    )
    error_message = "certificate_arn is the ARN of a certificate in ACM: arn:aws:acm:REGION:ACCOUNT:certificate/ID."
  }

  validation {
    condition = var.compute == null ? true : (
      contains([2, 3], length(var.compute.availability_zones))
      && length(distinct(var.compute.availability_zones)) == length(var.compute.availability_zones)
    )
    error_message = "availability_zones names two or three different zones."
  }

  validation {
    # AWS takes /16 at the most; a sixteenth of /22 still has room for 59 tasks.
    condition = var.compute == null ? true : (
      can(cidrnetmask(var.compute.vpc_cidr)) && can(regex("/(1[6-9]|2[0-2])$", var.compute.vpc_cidr))
    )
    error_message = "vpc_cidr is an IPv4 network from /16 to /22, such as 10.60.0.0/16."
  }

  validation {
    # By its length, as two halves of the world would be the world, too.
    condition = var.compute == null ? true : alltrue([
      for cidr in var.compute.operator_cidrs :
      can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]) >= 8, false)
    ])
    error_message = "operator_cidrs are IPv4 networks of /8 or smaller: the workbench is not for the world. 203.0.113.7/32 is one address."
  }

  validation {
    condition     = try(var.compute.jwt_jwks_url, null) == null ? true : startswith(var.compute.jwt_jwks_url, "https://")
    error_message = "jwt_jwks_url is an https URL: whoever can change what it answers can sign tokens."
  }

  validation {
    condition     = try(var.compute.jwt_jwks_url, null) == null || try(var.compute.jwt_audience, null) != null
    error_message = "jwt_audience is needed with jwt_jwks_url: a token for any other service would do here."
  }

  validation {
    condition = var.compute == null ? true : (
      var.compute.web_count >= 1 && var.compute.worker_min >= 1 && var.compute.worker_min <= var.compute.worker_max
    )
    error_message = "web_count and worker_min are 1 at least, and worker_max is worker_min at least."
  }

  validation {
    condition     = var.compute == null ? true : can(regex("^[A-Za-z][A-Za-z0-9_]{0,63}$", var.compute.database_name))
    error_message = "database_name begins with a letter, and has up to 64 letters, digits and underscores."
  }

  validation {
    condition = var.compute == null ? true : (
      var.compute.database_storage >= 20 && var.compute.database_max_storage > var.compute.database_storage
    )
    error_message = "database_storage is 20 GiB at least, and database_max_storage is more than that, so that it can grow."
  }

  validation {
    condition     = var.compute == null ? true : var.compute.database_backup_days >= 1 && var.compute.database_backup_days <= 35
    error_message = "database_backup_days is 1 to 35: without backups an order is not stored."
  }
}

module "compute" {
  source = "./compute"
  count  = var.compute == null ? 0 : 1

  name      = var.name
  tags      = var.tags
  account   = local.account
  region    = local.region
  partition = local.partition

  queue_url  = aws_sqs_queue.order_queue.url
  queue_name = aws_sqs_queue.order_queue.name
  dlq_url    = aws_sqs_queue.order_dlq.url

  role_arns              = { for name, role in aws_iam_role.service : name => role.arn }
  database_secret_arn    = aws_secretsmanager_secret.database.arn
  application_secret_arn = aws_secretsmanager_secret.application.arn
  alarm_topic_arn        = aws_sns_topic.alarms.arn

  image                    = var.compute.image
  cpu_architecture         = var.compute.cpu_architecture
  certificate_arn          = var.compute.certificate_arn
  domain                   = var.compute.domain
  availability_zones       = var.compute.availability_zones
  vpc_cidr                 = var.compute.vpc_cidr
  operator_cidrs           = var.compute.operator_cidrs
  jwt_jwks_url             = var.compute.jwt_jwks_url
  jwt_audience             = var.compute.jwt_audience
  jwt_issuer               = var.compute.jwt_issuer
  web_count                = var.compute.web_count
  worker_min               = var.compute.worker_min
  worker_max               = var.compute.worker_max
  database_name            = var.compute.database_name
  database_instance_class  = var.compute.database_instance_class
  database_storage         = var.compute.database_storage
  database_max_storage     = var.compute.database_max_storage
  database_max_connections = var.compute.database_max_connections
  database_backup_days     = var.compute.database_backup_days
  multi_az                 = var.compute.multi_az
  deletion_protection      = var.compute.deletion_protection
  access_logs_bucket       = var.compute.access_logs_bucket
  log_retention_days       = var.compute.log_retention_days
}

output "url" {
  description = "Where clients post orders; null without compute."
  value       = one(module.compute[*].url)
}

output "release_command" {
  description = "A shell command that prepares the database for a new version: run it before the services; null without compute."
  value       = one(module.compute[*].release_command)
}

output "limits" {
  description = "Numbers of compute that follow from the code; null without compute."
  value       = one(module.compute[*].limits)
}

output "network" {
  description = "What a DNS record, Prometheus or a bastion has to know to join in; null without compute."
  value       = one(module.compute[*].network)
}
