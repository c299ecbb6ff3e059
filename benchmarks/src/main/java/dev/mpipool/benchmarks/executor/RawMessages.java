package dev.mpipool.benchmarks.executor;

import mpi.MPI;
import mpi.MPIException;
import mpi.Status;

/**
 * What the device can do at most: ranks 0 and 1 call MPJ Express directly, with messages as long as
 * those of the tasks they stand beside.
 */
final class RawMessages {

  /** About what a frame with one null task, or its answer, has. */
  private static final int SMALL = 32;

  private static final int TAG = 1;
  private static final int WARM_UPS = 3;

  private final String name;
  private final Effort effort;
  private final int me = MPI.COMM_WORLD.Rank();
  private final int other = 1 - me;

  RawMessages(String name, Effort effort) {
    this.name = name;
    this.effort = effort;
  }

  void measure() throws Exception {
    for (int i = -WARM_UPS + 1; i <= effort.repetitions; i++) {
      print(i, "roundtrip", pingPong(SMALL, 2000) * 1e6);
      print(i, "payload.1MB", 2 * 1_000_000 / pingPong(1_000_000, 20) / 1e6);
      print(i, "payload.64MB", 2 * 64_000_000 / pingPong(64_000_000, 1) / 1e6);
      print(i, "stream", stream(20_000));
    }
  }

  /** The first rounds warm up. */
  private void print(int round, String key, double value) {
    if (me == 0 && round > 0) {
      Lines.print(name, key, value);
    }
  }

  /** Seconds for a message there and back. */
  private double pingPong(int bytes, int times) throws MPIException {
    byte[] data = new byte[bytes];
    long begin = System.nanoTime();
    for (int i = 0; i < times; i++) {
      if (me == 0) {
        send(data);
        receive(data);
      } else {
        receive(data);
        send(data);
      }
    }
    return (System.nanoTime() - begin) / 1e9 / times;
  }

  /** Both send on one thread and receive on another; messages a second in one direction. */
  private double stream(int count) throws Exception {
    long begin = System.nanoTime();
    Thread sender =
        new Thread(
            () -> {
              byte[] data = new byte[SMALL];
              for (int i = 0; i < count; i++) {
                send(data);
              }
            });
    sender.start();
    byte[] data = new byte[SMALL];
    for (int i = 0; i < count; i++) {
      receive(data);
    }
    sender.join();
    return count / ((System.nanoTime() - begin) / 1e9);
  }

  private void send(byte[] data) throws MPIException {
    MPI.COMM_WORLD.Send(data, 0, data.length, MPI.BYTE, other, TAG);
  }

  private void receive(byte[] data) throws MPIException {
    Status status = MPI.COMM_WORLD.Recv(data, 0, data.length, MPI.BYTE, other, TAG);
    if (status.count != data.length) {
      throw new IllegalStateException("received " + status.count + " of " + data.length);
    }
  }
}
