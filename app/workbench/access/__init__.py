"""Who may use the workbench: operators, their passwords and their sessions."""
