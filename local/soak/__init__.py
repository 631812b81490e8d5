"""`make soak`: the whole app under faults, at random but seeded moments, and the proof that nothing is lost.

Hosts are killed, storage goes away, Partner Center and Graph throttle, fail, hang up and change
their invoices, exports are late, broken or gone, tokens and signatures expire, messages are delivered
twice. At the end storage has to hold, byte for byte, what Microsoft then has, and no secret may be
where it does not belong. The same seed deals the same faults in the same order;
which request and which moment of the work they meet is up to the machine.
"""
