"""The loop that one writes by hand."""
