"""`make demo`: post a stream of orders to the running `make up` and watch what becomes of each."""
