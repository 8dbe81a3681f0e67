# Names may differ, so that two environments fit into one account. The numbers are no variables: the
# code counts on them (config/queues.py), and a test holds the two together.

variable "queue_name" {
  description = "Name of the work queue. The last part of SQS_QUEUE_URL."
  type        = string
  default     = "order-processing-queue"
  nullable    = false

  validation {
    # A FIFO queue's name has a dot; orders need no order, and a FIFO queue would cost throughput.
    condition     = can(regex("^[A-Za-z0-9_-]{1,80}$", var.queue_name))
    error_message = "A standard queue's name has 1 to 80 letters, digits, hyphens and underscores."
  }
}

variable "dlq_name" {
  description = "Name of the dead-letter queue. The last part of SQS_DLQ_URL."
  type        = string
  default     = "order-dlq"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,80}$", var.dlq_name))
    error_message = "A standard queue's name has 1 to 80 letters, digits, hyphens and underscores."
  }

  validation {
    condition     = var.dlq_name != var.queue_name
    error_message = "The dead-letter queue must be another queue than the work queue."
  }
}

variable "tags" {
  description = "Tags of both queues."
  type        = map(string)
  default     = {}
  nullable    = false
}
