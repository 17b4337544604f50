"""The only writer to a cluster: carries out a plan, waits until it is ready, and says what happens as events.

`events` is what it tells, `applier` writes, `wait` watches, `announce` leaves word in the cluster.
"""
