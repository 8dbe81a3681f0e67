# Plans the module with all that it can make, for the tests that hold the plan against the code: they put
# this file beside the module's own tests. AWS's answers are the mocks', but for what distinguishes resources of one
# kind apart.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

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
  }
}

override_resource {
  target          = aws_iam_role.service["web"]
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:role/web" }
}

override_resource {
  target          = aws_iam_role.service["worker"]
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:role/worker" }
}

override_resource {
  target          = aws_iam_role.service["operator"]
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:role/operator" }
}

override_resource {
  target          = aws_iam_policy.queues["web"]
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:policy/web" }
}

override_resource {
  target          = aws_iam_policy.queues["worker"]
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:policy/worker" }
}

override_resource {
  target          = aws_iam_policy.queues["operator"]
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:policy/operator" }
}

override_resource {
  target          = aws_secretsmanager_secret.database
  override_during = plan
  values          = { arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:database" }
}

override_resource {
  target          = aws_secretsmanager_secret.application
  override_during = plan
  values          = { arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:application" }
}

variables {
  compute = {
    image              = "registry.example.com/order-intake:1"
    certificate_arn    = "arn:aws:acm:eu-central-1:111122223333:certificate/0"
    availability_zones = ["eu-central-1a", "eu-central-1b"]
    operator_cidrs     = ["203.0.113.7/32"]
  }
}

run "with_a_secret_of_our_own" {
  command = plan
}

run "with_an_identity_provider" {
  command = plan

  variables {
    compute = {
      image              = "registry.example.com/order-intake:1"
      certificate_arn    = "arn:aws:acm:eu-central-1:111122223333:certificate/0"
      availability_zones = ["eu-central-1a", "eu-central-1b"]
      operator_cidrs     = ["203.0.113.7/32"]
      jwt_jwks_url       = "https://id.example.com/keys"
      jwt_audience       = "order-intake"
      jwt_issuer         = "https://id.example.com/"
    }
  }
}
