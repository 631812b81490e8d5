"""`make soak`: the whole app under faults, at random but seeded moments, and the proof that nothing is lost.

Hosts are killed, storage goes away, Partner Center throttles, fails, hangs up and changes its
invoices, tokens expire, messages are delivered twice. At the end storage has to hold, byte for
byte, what Partner Center then has. The same seed deals the same faults in the same order;
which request and which moment of the work they meet is up to the machine.
"""
