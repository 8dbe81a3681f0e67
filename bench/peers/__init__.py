"""What this project is measured against: a folder per peer, which is also its pinned environment.

`bench.contenders` says how each is started, and which page of its documentation says so.
"""
