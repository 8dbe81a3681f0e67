# Names may differ, so that two environments fit into one account. The numbers are no variables: the
# code counts on them (config/queues.py), and a test holds the two together.

variable "name" {
  description = "What the names of everything but the queues begin with."
  type        = string
  default     = "order-intake"
  nullable    = false

  validation {
    # The shortest limit is that of a load balancer's name, 32, and "-workbench" goes behind it.
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 20
    error_message = "name: up to 20 lower-case letters, digits and single hyphens between them; a letter first."
  }
}

variable "queue_name" {
  description = "Name of the work queue. The last part of SQS_QUEUE_URL."
  type        = string
  default     = "order-processing-queue"
  nullable    = false

  validation {
    # A FIFO queue's name has a dot; orders need no order, and a FIFO queue would cost throughput.
    condition     = can(regex("^[A-Za-z0-9_-]{1,80}$", var.queue_name))
    error_message = "queue_name: a standard queue's name has 1 to 80 letters, digits, hyphens and underscores."
  }
}

variable "dlq_name" {
  description = "Name of the dead-letter queue. The last part of SQS_DLQ_URL."
  type        = string
  default     = "order-dlq"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,80}$", var.dlq_name))
    error_message = "dlq_name: a standard queue's name has 1 to 80 letters, digits, hyphens and underscores."
  }

  validation {
    condition     = var.dlq_name != var.queue_name
    error_message = "dlq_name: the dead-letter queue must be another queue than the work queue, queue_name."
  }
}

variable "alarm_emails" {
  description = "Who gets the alarms. AWS sends each address a mail first, with a link to confirm by."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "alarm_emails: each must be an address such as somebody@example.com."
  }
}

variable "operator_principals" {
  description = "ARNs of the IAM users and roles that may assume the operator's role, to repair the dead-letter queue."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    # Not the account's root, which stands for everybody in it, and no wildcard.
    condition = alltrue([
      for principal in var.operator_principals :
      can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(user|role)/[A-Za-z0-9/+=,.@_-]+$", principal))
    ])
    error_message = "operator_principals: each must be the ARN of one IAM user or role, without wildcards."
  }
}

# A secret's value comes together with a version, and is written when that is another than before. It is
# in no state, so each later run either gets both again, or neither: then the value stays as it is.

variable "database_login" {
  description = "User and password of the services at the database (not the administrator's). Comes with database_login_version."
  type        = object({ username = string, password = string })
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = var.database_login == null || can(regex("^[A-Za-z0-9_]{1,32}$", var.database_login.username))
    error_message = "database_login: the username has 1 to 32 letters, digits and underscores."
  }

  validation {
    condition     = var.database_login == null || try(length(var.database_login.password) >= 16, false)
    error_message = "database_login: the password has 16 characters or more."
  }

  validation {
    condition     = (var.database_login == null) == (var.database_login_version == 0)
    error_message = "database_login: give it and database_login_version, or neither."
  }
}

variable "database_login_version" {
  description = "1 or higher, and another to have database_login written anew. 0: Terraform does not write it."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.database_login_version >= 0 && floor(var.database_login_version) == var.database_login_version
    error_message = "database_login_version: a whole number, 0 or higher."
  }
}

variable "application_secrets" {
  description = "The settings that are secrets (README, Settings). Come with application_secrets_version."
  type = object({
    JWT_SECRET      = optional(string)
    ORDER_ID_SECRET = string
    OPERATORS       = optional(string)
  })
  default   = null
  ephemeral = true
  sensitive = true

  validation {
    condition     = var.application_secrets == null || try(length(var.application_secrets.ORDER_ID_SECRET) >= 32, false)
    error_message = "application_secrets: ORDER_ID_SECRET has 32 characters or more."
  }

  validation {
    # Without it the tokens are an identity provider's: JWT_JWKS_URL.
    condition     = var.application_secrets == null || try(length(var.application_secrets.JWT_SECRET) >= 32, var.application_secrets.JWT_SECRET == null, false)
    error_message = "application_secrets: JWT_SECRET has 32 characters or more, or is left out."
  }

  validation {
    condition     = (var.application_secrets == null) == (var.application_secrets_version == 0)
    error_message = "application_secrets: give them and application_secrets_version, or neither."
  }
}

variable "application_secrets_version" {
  description = "1 or higher, and another to have application_secrets written anew. 0: Terraform does not write them."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.application_secrets_version >= 0 && floor(var.application_secrets_version) == var.application_secrets_version
    error_message = "application_secrets_version: a whole number, 0 or higher."
  }
}

variable "tags" {
  description = "Tags of everything that can have any."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "tags: names that begin with aws: are AWS's own."
  }
}
