"""A local Azure Functions host: Microsoft's execution engine behind keys, queues and timers.

It runs an app where Core Tools are not installed, and refuses what the real host refuses.
`python -m local.functions_host --help` tells the options; `process.FunctionsHost` starts it
as a child process.
"""
