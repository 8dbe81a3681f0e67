"""A model of a fleet: web processes, SQS, workers and MariaDB as discrete events, at the costs that were measured."""
