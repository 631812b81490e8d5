"""`make faults`: the whole job for a small world, once for every request in it and each way to lose one.

Of faultless runs every request of the app's is noted. Then the job runs again from nothing while one
of them is never delivered, or carried out with its answer lost, or while the process dies before or
just after it. At the end of each run storage has to hold what Microsoft has, byte for byte, the
manifests have to be right and the poison queue empty, another run of the timer must find nothing to
do, and no more requests than a bound may have been made.
"""
