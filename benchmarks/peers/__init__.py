"""What is compared: each peer is a process of its own that does one job and tells what it cost.

Peers import nothing but what they measure and the standard library, so that one can run in a virtual
environment of its own.
"""
