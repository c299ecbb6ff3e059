"""What Parts measures, with mpi4py.futures: one main, two workers, lines of the same form."""
import math
import sys
import time

from mpi4py import MPI
from mpi4py.futures import MPICommExecutor

LEVEL, _, NAMES = sys.argv[1].partition("/")
PARTS = NAMES.split(",") if NAMES else []
QUICK = LEVEL == "quick"
REPETITIONS = 3 if QUICK else 5
SAMPLE = 0.1 if QUICK else 0.5
WARM_UP = 0.5 if QUICK else 3.0
IDLE = 2 if QUICK else 10
LENGTHS = [float(x) / 1e9 for x in sys.argv[2].split(",")]
GREEDY = float(sys.argv[3]) / 1e9
WORKERS = 2
LIMIT = 60


def wanted(part):
    return not PARTS or part in PARTS


def one():
    return 1


def increment(x):
    return x + 1


def echo(data):
    return data


def turn(turns):
    x = turns
    for _ in range(turns):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
    return turns


def timed_turn(turns):
    begin = time.perf_counter()
    turn(turns)
    time.sleep(0.05)  # so that the other worker gets the other one
    return time.perf_counter() - begin - 0.05


def last_for(seconds):
    begin = time.perf_counter()
    if seconds > 1e-3:
        time.sleep(seconds)
    else:
        while time.perf_counter() - begin < seconds:
            pass
    return time.perf_counter() - begin


def processor(_):
    used = time.process_time()
    time.sleep(0.1)  # so that the other worker gets the other one
    return MPI.COMM_WORLD.Get_rank(), used


def show(key, value):
    print("= mpi4py %s %.6g" % (key, value), flush=True)


def check(expected, found):
    if expected != found:
        raise ValueError("wrong results: %s, not %s" % (found, expected))


def null_tasks(pool, count):
    begin = time.perf_counter()
    futures = [pool.submit(one) for _ in range(count)]
    check(count, sum(f.result(LIMIT) for f in futures))
    return time.perf_counter() - begin


def throughput(pool):
    count, begin = 200, time.perf_counter()
    seconds = null_tasks(pool, count)
    while time.perf_counter() - begin < WARM_UP:
        seconds = null_tasks(pool, count)
    for _ in range(REPETITIONS):
        count = max(100, int(count * SAMPLE / seconds))
        seconds = null_tasks(pool, count)
        show("throughput", count / seconds)
    return count / seconds


def map_items(pool):
    """Small chunks get fewer items: a million would take minutes."""
    best = {}
    for turn_ in range(REPETITIONS + 1):
        for chunk in (1, 10, 100, 1000, 10000):
            items = min(1000000, chunk * (500 if QUICK else 3000))
            begin = time.perf_counter()
            total = sum(pool.map(increment, range(items), chunksize=chunk, timeout=LIMIT))
            check(items * (items + 1) // 2, total)
            if turn_:
                rate = items / (time.perf_counter() - begin)
                show("map.%d" % chunk, rate)
                best.setdefault(chunk, []).append(rate)
    chosen = max(best, key=lambda c: sorted(best[c])[len(best[c]) // 2])
    for rate in best[chosen]:
        show("map", rate)


SHAPES = ((100, 20000), (1000, 16000), (10000, 1600), (100000, 160), (1000000, 16))


def total(row):
    return float(row.sum())


def twice(row):
    return row * 2


def array_rows(pool):
    """The best chunk size counts."""
    try:
        import numpy
    except ImportError:
        return
    for length, count in SHAPES:
        data = [numpy.arange(length, dtype=float) + i for i in range(count)]
        for name, function in (("scalar", total), ("array", twice)):
            times = {}
            for turn_ in range(REPETITIONS + 1):
                for chunk in (1, 10, 100):
                    begin = time.perf_counter()
                    found = sum(1 for _ in pool.map(function, data, chunksize=chunk, timeout=LIMIT))
                    check(count, found)
                    if turn_:
                        times.setdefault(chunk, []).append(1e3 * (time.perf_counter() - begin))
            chosen = min(times, key=lambda c: sorted(times[c])[len(times[c]) // 2])
            for millis in times[chosen]:
                show("rows.%d.%s" % (length, name), millis)


def round_trip(pool):
    for i in range(REPETITIONS + 1):
        times, begin = [], time.perf_counter()
        while len(times) < 2000 and time.perf_counter() - begin < 4 * SAMPLE:
            start = time.perf_counter()
            check(1, pool.submit(one).result(LIMIT))
            times.append(time.perf_counter() - start)
        if i:
            times.sort()
            show("roundtrip", times[len(times) // 2] * 1e6)
            show("roundtrip.p99", times[len(times) * 99 // 100] * 1e6)


def payload(pool, size, key):
    data = bytes(i * 31 & 255 for i in range(256)) * (size // 256)
    times = 1 if size > 10000000 else 20
    for i in range(REPETITIONS + 1):
        begin = time.perf_counter()
        for _ in range(times):
            back = pool.submit(echo, data).result(LIMIT)
        seconds = (time.perf_counter() - begin) / times
        check(True, back == data)
        if i:
            show(key, 2 * len(data) / seconds / 1e6)


def calibrate(pool):
    best = 0
    for _ in range(3):
        futures = [pool.submit(timed_turn, 500000) for _ in range(WORKERS)]
        best = max([best] + [500000 / (f.result(LIMIT) * 1e6) for f in futures])
    return best


def efficiency(pool, micros, per_micro, rate):
    seconds = 2 * SAMPLE
    count = int(max(100, min(50000, seconds * WORKERS / (micros / 1e6), rate * seconds)))
    turns, best = round(micros * per_micro), 0
    for _ in range(2):
        begin = time.perf_counter()
        futures = [pool.submit(turn, turns) for _ in range(count)]
        check(count * turns, sum(f.result(LIMIT) for f in futures))
        elapsed = (time.perf_counter() - begin) * 1e6
        best = max(best, count * micros / (WORKERS * elapsed))
    return best


def granularity(pool, rate):
    per_micro = calibrate(pool)
    micros = 128
    while micros < 8e6 * WORKERS / rate and micros < 16384:
        micros *= 2
    longer, above, metg, below = 0, 1, 1, 0
    while micros >= 1 and below < 2:
        found = efficiency(pool, micros, per_micro, rate)
        show("efficiency.%d" % micros, found)
        below = below + 1 if found < 0.5 else 0
        if below == 1 and longer == 0:
            metg = micros / found * 0.5
        elif below == 1:
            share = (above - 0.5) / (above - found)
            metg = math.exp(math.log(longer) + share * math.log(micros / longer))
        elif below == 0:
            metg = micros
        longer, above, micros = micros, found, micros / 2
    show("metg", metg)


def mixed(pool):
    begin = time.perf_counter()
    futures = [pool.submit(last_for, seconds) for seconds in LENGTHS]
    for future, seconds in zip(futures, LENGTHS):
        check(True, future.result(LIMIT) >= seconds * 0.999)
    show("mixed", (time.perf_counter() - begin) / GREEDY)


def idle(pool):
    time.sleep(1)
    before = dict(pool.map(processor, range(4)))
    begin, main = time.perf_counter(), time.process_time()
    time.sleep(IDLE)
    elapsed = time.perf_counter() - begin
    show("idle.main", 100 * (time.process_time() - main) / elapsed)
    after = dict(pool.map(processor, range(4)))
    ranks = before.keys() & after.keys()
    show("idle.worker", 100 * max(after[r] - before[r] for r in ranks) / elapsed)


with MPICommExecutor(MPI.COMM_WORLD, root=0) as executor:
    if executor is not None:
        check(1, executor.submit(one).result(LIMIT))
        show("ready", 0)
        measured = throughput(executor) if wanted("throughput") or wanted("metg") else 1000
        if wanted("map"):
            map_items(executor)
        if wanted("roundtrip"):
            round_trip(executor)
        if wanted("payload"):
            payload(executor, 1000192, "payload.1MB")
            payload(executor, 64000000, "payload.64MB")
        if wanted("rows"):
            array_rows(executor)
        if wanted("metg"):
            granularity(executor, measured)
        if wanted("mixed"):
            mixed(executor)
        if wanted("idle"):
            idle(executor)


class Raw:
    """Messages between ranks 0 and 1 without an executor, out of memory and into memory."""

    def __init__(self):
        self.me = MPI.COMM_WORLD.Get_rank()
        self.other = 1 - self.me

    def ping_pong(self, size, times):
        data = bytearray(size)
        begin = time.perf_counter()
        for _ in range(times):
            if self.me == 0:
                MPI.COMM_WORLD.Send(data, self.other)
                MPI.COMM_WORLD.Recv(data, self.other)
            else:
                MPI.COMM_WORLD.Recv(data, self.other)
                MPI.COMM_WORLD.Send(data, self.other)
        return (time.perf_counter() - begin) / times

    def measure(self):
        for i in range(REPETITIONS + 1):
            figures = [
                ("roundtrip", self.ping_pong(32, 2000) * 1e6),
                ("payload.1MB", 2 * 1000000 / self.ping_pong(1000000, 20) / 1e6),
                ("payload.64MB", 2 * 64000000 / self.ping_pong(64000000, 1) / 1e6),
            ]
            if i and self.me == 0:
                for key, value in figures:
                    print("= raw-openmpi %s %.6g" % (key, value), flush=True)


if MPI.COMM_WORLD.Get_rank() < 2 and "Open MPI" in MPI.Get_library_version():
    Raw().measure()
