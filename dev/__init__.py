"""Development only: `make up` and `make demo`. Nothing else imports this package."""
