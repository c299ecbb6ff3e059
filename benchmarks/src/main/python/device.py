"""What Measures measures, with mpi4py: two ranks, lines of the same form."""
import time

import numpy
from mpi4py import MPI

world = MPI.COMM_WORLD
me, other = world.Get_rank(), 1 - world.Get_rank()


def ping_pong(size, times):
    data = numpy.zeros(size, dtype="b")
    best = None
    for turn in range(4):
        begin = time.perf_counter()
        for _ in range(times):
            if me == 0:
                world.Send(data, other)
                world.Recv(data, other)
            else:
                world.Recv(data, other)
                world.Send(data, other)
        seconds = (time.perf_counter() - begin) / times / 2
        if turn:
            best = seconds if best is None else min(best, seconds)
    return best


def show(name, value):
    if me == 0:
        print("= %s = %.3f" % (name, value), flush=True)


show("half round trip, 1 B (us)", ping_pong(1, 20000) * 1e6)
show("half round trip, 1 kB (us)", ping_pong(1000, 20000) * 1e6)
show("half round trip, 64 kB (us)", ping_pong(64000, 3000) * 1e6)
show("bandwidth, 1 MB (MB/s)", 1 / ping_pong(1000000, 400))
show("bandwidth, 16 MB (MB/s)", 16 / ping_pong(16000000, 40))
