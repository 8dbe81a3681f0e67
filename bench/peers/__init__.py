"""What this project is measured against. The workers run in a virtual environment of their own."""
