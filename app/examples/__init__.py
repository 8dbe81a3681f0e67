"""Examples of the API's answers, for its description."""
