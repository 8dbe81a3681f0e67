# What AWS would say of the resources in ../../compute, as far as others of them need it in this form.
# That address and secret are the database's, and tests can see where they end up.

mock_resource "aws_cloudwatch_log_group" {
  defaults = {
    arn = "arn:aws:logs:eu-central-1:111122223333:log-group:mocked"
  }
}

mock_resource "aws_db_instance" {
  defaults = {
    address = "database.test"
    master_user_secret = [{
      secret_arn    = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:administrator"
      secret_status = "active"
      kms_key_id    = "arn:aws:kms:eu-central-1:111122223333:key/mocked"
    }]
  }
}

mock_resource "aws_ecs_cluster" {
  defaults = {
    arn = "arn:aws:ecs:eu-central-1:111122223333:cluster/mocked"
  }
}

mock_resource "aws_ecs_task_definition" {
  defaults = {
    arn = "arn:aws:ecs:eu-central-1:111122223333:task-definition/mocked:1"
  }
}

mock_resource "aws_lb" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/mocked/0"
    arn_suffix = "app/mocked/0"
    dns_name   = "balancer.test"
  }
}

mock_resource "aws_lb_listener" {
  defaults = {
    arn = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:listener/app/mocked/0/0"
  }
}

mock_resource "aws_lb_target_group" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/mocked/0"
    arn_suffix = "targetgroup/mocked/0"
  }
}
