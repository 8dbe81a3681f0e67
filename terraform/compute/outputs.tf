output "url" {
  description = "Where clients post orders."
  value       = "https://${coalesce(var.domain, aws_lb.this.dns_name)}"
}

output "release_command" {
  description = "Grants the services' user its rights and migrates the database; ends with 0 if that went well."
  value       = local.release_command
}

output "limits" {
  description = "Numbers that follow from the code."

  value = {
    max_connections                = var.database_max_connections
    connections_reserved           = local.connections_reserved
    connections_per_web_process    = local.connections_per_web_process
    connections_per_worker_main    = local.connections_per_worker_main
    connections_per_worker_process = local.connections_per_worker_process
    connections_per_task           = local.connections_per_task
    processes                      = local.processes
    tasks_at_once                  = local.tasks_at_once
    worker_cap                     = local.worker_cap
    worker_max                     = local.worker_max
    worker_drain                   = local.worker_drain
    web_drain                      = local.web_drain
    stop_timeout                   = local.stop_timeout
    worker_orders_per_second       = local.worker_orders_per_second
    backlog_per_worker             = local.backlog_per_worker
  }
}

output "network" {
  description = "What a DNS record, Prometheus or a bastion has to know to join in."

  value = {
    vpc_id             = aws_vpc.this.id
    private_subnet_ids = [for subnet in aws_subnet.private : subnet.id]
    security_group_ids = { for name, group in aws_security_group.this : name => group.id }
    balancer_dns_name  = aws_lb.this.dns_name
    balancer_zone_id   = aws_lb.this.zone_id
  }
}
