"""`make demo`: post a stream of orders to the running `make up` and show the state of each."""
