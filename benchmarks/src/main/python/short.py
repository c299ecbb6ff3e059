"""What ShortJob does, with mpi4py.futures: 20,000 submits and a map of 200,000 on one main and two workers."""
from mpi4py import MPI
from mpi4py.futures import MPICommExecutor


def increment(x):
    return x + 1


with MPICommExecutor(MPI.COMM_WORLD, root=0) as executor:
    if executor is not None:
        futures = [executor.submit(increment, i) for i in range(20_000)]
        total = sum(future.result() for future in futures)
        total += sum(executor.map(increment, range(200_000), chunksize=1000))
        print(total)
