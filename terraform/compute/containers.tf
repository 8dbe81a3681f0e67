# The containers' environment. The names are those of config/settings.py; APP_ENV stays unsaid, as
# production is its default, and BIND_HOST is in the image.

locals {
  port          = 8000
  web_metrics   = 9100
  worker_health = 9101

  # The certificates of RDS are in the image. With them PyMySQL checks the host's name, too.
  database_url = "mysql+pymysql://${aws_db_instance.this.address}:${local.database_port}/${var.database_name}?ssl_ca=/etc/ssl/certs/rds.pem"

  # Every process reads all settings at its start, and ends where one is missing: the migrations too.
  common_environment = merge(
    {
      AWS_REGION    = var.region
      DATABASE_URL  = local.database_url
      SQS_DLQ_URL   = var.dlq_url
      SQS_QUEUE_URL = var.queue_url
    },
    { for name, value in {
      JWT_AUDIENCE = var.jwt_audience
      JWT_ISSUER   = var.jwt_issuer
      JWT_JWKS_URL = var.jwt_jwks_url
    } : name => value if value != null },
  )

  environment = {
    web = merge(local.common_environment, {
      METRICS_PORT = tostring(local.web_metrics)
      PORT         = tostring(local.port)
      WEB_WORKERS  = tostring(local.processes.web)
    })
    worker = merge(local.common_environment, {
      WORKER_HEALTH_PORT = tostring(local.worker_health)
    })
    # Without metrics: it would export the same backlog as web once more.
    workbench = merge(local.common_environment, {
      PORT        = tostring(local.port)
      WEB_WORKERS = tostring(local.processes.workbench)
    })
  }

  # SECRET-ARN:JSON-KEY:VERSION-STAGE:VERSION-ID, the last two left open for the current one.
  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
  application_secrets = merge(
    { ORDER_ID_SECRET = "${var.application_secret_arn}:ORDER_ID_SECRET::" },
    var.jwt_jwks_url == null ? { JWT_SECRET = "${var.application_secret_arn}:JWT_SECRET::" } : {},
  )

  service_login = {
    DATABASE_USER     = "${var.database_secret_arn}:username::"
    DATABASE_PASSWORD = "${var.database_secret_arn}:password::"
  }

  secrets = {
    web    = merge(local.application_secrets, local.service_login)
    worker = merge(local.application_secrets, local.service_login)
    # Without OPERATORS a process has no workbench: only this one does, and only its role may repair.
    workbench = merge(local.application_secrets, local.service_login, {
      OPERATORS = "${var.application_secret_arn}:OPERATORS::"
    })
  }

  container = {
    image                  = var.image
    readonlyRootFilesystem = true

    linuxParameters = {
      # Process 1 ignores SIGTERM until it has said what to do with it; behind an init it need not.
      initProcessEnabled = true

      capabilities = { drop = ["ALL"] }

      # gunicorn's signs of life and its processes' counts; nothing else is written to a file.
      # https://aws.amazon.com/about-aws/whats-new/2026/01/amazon-ecs-tmpfs-mounts-aws-fargate-managed-instances/
      tmpfs = [{ containerPath = "/tmp", size = 64, mountOptions = ["nosuid", "nodev", "noexec"] }]
    }
  }

  logging = { for log, group in aws_cloudwatch_log_group.tasks : log => {
    logDriver = "awslogs"
    options = {
      awslogs-group         = group.name
      awslogs-region        = var.region
      awslogs-stream-prefix = log
      # CloudWatch being slow must not hold up orders.
      mode            = "non-blocking"
      max-buffer-size = "25m"
    }
  } }
}
