# What `compute` may say, seen from the whole.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  name = "test"
}

run "with_compute_null_there_is_none" {
  command = plan

  assert {
    condition     = length(module.compute) == 0 && output.url == null && output.release_command == null && output.limits == null
    error_message = "Something of compute is there though nobody asked for it."
  }
}

run "the_defaults_are_enough" {
  command = plan

  variables {
    compute = {
      image              = "registry.test:5000/order-intake@sha256:0000000000000000000000000000000000000000000000000000000000000000"
      certificate_arn    = "arn:aws:acm:eu-central-1:111122223333:certificate/0"
      availability_zones = ["zone-a", "zone-b"]
      domain             = "orders.test"
    }
  }

  assert {
    condition     = output.url == "https://orders.test" && output.limits.worker_max == 8
    error_message = "The defaults are others."
  }

}

run "an_image_without_a_tag_is_refused" {
  command = plan

  variables {
    compute = {
      image              = "registry.test:5000/order-intake"
      certificate_arn    = "arn:aws:acm:eu-central-1:111122223333:certificate/0"
      availability_zones = ["zone-a", "zone-b"]
    }
  }

  expect_failures = [var.compute]
}

run "the_image_latest_is_refused" {
  command = plan

  variables {
    compute = {
      image              = "registry.test/order-intake:latest"
      certificate_arn    = "arn:aws:acm:eu-central-1:111122223333:certificate/0"
      availability_zones = ["zone-a", "zone-b"]
    }
  }

  expect_failures = [var.compute]
}

run "a_workbench_for_the_world_is_refused" {
  command = plan

  variables {
    compute = {
      image              = "registry.test/order-intake:1"
      certificate_arn    = "arn:aws:acm:eu-central-1:111122223333:certificate/0"
      availability_zones = ["zone-a", "zone-b"]
      operator_cidrs     = ["203.0.113.7/32", "0.0.0.0/0"]
    }
  }

  expect_failures = [var.compute]
}

run "a_workbench_for_half_of_the_world_is_refused" {
  command = plan

  variables {
    compute = {
      image              = "registry.test/order-intake:1"
      certificate_arn    = "arn:aws:acm:eu-central-1:111122223333:certificate/0"
      availability_zones = ["zone-a", "zone-b"]
      operator_cidrs     = ["128.0.0.0/1"]
    }
  }

  expect_failures = [var.compute]
}

run "another_kind_of_certificate_is_refused" {
  command = plan

  variables {
    compute = {
      image              = "registry.test/order-intake:1"
      certificate_arn    = "arn:aws:iam::111122223333:server-certificate/0"
      availability_zones = ["zone-a", "zone-b"]
    }
  }

  expect_failures = [var.compute]
}

run "a_single_zone_is_refused" {
  command = plan

  variables {
    compute = {
      image              = "registry.test/order-intake:1"
      certificate_arn    = "arn:aws:acm:eu-central-1:111122223333:certificate/0"
      availability_zones = ["zone-a", "zone-a"]
    }
  }

  expect_failures = [var.compute]
}

run "a_network_that_is_none_is_refused" {
  command = plan

  variables {
    compute = {
      image              = "registry.test/order-intake:1"
      certificate_arn    = "arn:aws:acm:eu-central-1:111122223333:certificate/0"
      availability_zones = ["zone-a", "zone-b"]
      vpc_cidr           = "10.60.0.0"
    }
  }

  expect_failures = [var.compute]
}

run "fewer_workers_at_the_most_than_at_the_least_are_refused" {
  command = plan

  variables {
    compute = {
      image              = "registry.test/order-intake:1"
      certificate_arn    = "arn:aws:acm:eu-central-1:111122223333:certificate/0"
      availability_zones = ["zone-a", "zone-b"]
      worker_min         = 3
      worker_max         = 2
    }
  }

  expect_failures = [var.compute]
}

run "keys_by_http_are_refused" {
  command = plan

  variables {
    compute = {
      image              = "registry.test/order-intake:1"
      certificate_arn    = "arn:aws:acm:eu-central-1:111122223333:certificate/0"
      availability_zones = ["zone-a", "zone-b"]
      jwt_jwks_url       = "http://identity.test/keys"
      jwt_audience       = "order-intake"
    }
  }

  expect_failures = [var.compute]
}

run "keys_without_an_audience_are_refused" {
  command = plan

  variables {
    compute = {
      image              = "registry.test/order-intake:1"
      certificate_arn    = "arn:aws:acm:eu-central-1:111122223333:certificate/0"
      availability_zones = ["zone-a", "zone-b"]
      jwt_jwks_url       = "https://identity.test/keys"
    }
  }

  expect_failures = [var.compute]
}
