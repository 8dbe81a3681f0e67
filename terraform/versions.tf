terraform {
  # 1.11 is the first that writes a secret without keeping it in the state.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

# There is no provider block: account, region and endpoint are those of the environment that
# applies this (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL and so on).
