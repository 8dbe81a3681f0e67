# The services' secrets. Their values are in no state and no plan file: either they come in through
# ephemeral variables and are written only, or somebody writes them with
# `aws secretsmanager put-secret-value`.

resource "aws_secretsmanager_secret" "database" {
  name        = "${var.name}/database"
  description = "Login of web, worker and workbench at the database: username and password."

  # Days in which a deletion can be undone. The name is taken until then.
  recovery_window_in_days = 7

  tags = var.tags
}

resource "aws_secretsmanager_secret" "application" {
  name        = "${var.name}/application"
  description = "JWT_SECRET, ORDER_ID_SECRET and OPERATORS."

  recovery_window_in_days = 7

  tags = var.tags
}

# Whether there is a value to write follows from the version, as no plan may depend on the value itself.
# Where the version goes back to 0, Secrets Manager keeps the current value.
resource "aws_secretsmanager_secret_version" "database" {
  count = var.database_login_version > 0 ? 1 : 0

  secret_id                = aws_secretsmanager_secret.database.id
  secret_string_wo         = jsonencode(var.database_login)
  secret_string_wo_version = var.database_login_version
}

resource "aws_secretsmanager_secret_version" "application" {
  count = var.application_secrets_version > 0 ? 1 : 0

  secret_id = aws_secretsmanager_secret.application.id
  secret_string_wo = jsonencode({
    for name, value in var.application_secrets : name => value if value != null
  })
  secret_string_wo_version = var.application_secrets_version
}
