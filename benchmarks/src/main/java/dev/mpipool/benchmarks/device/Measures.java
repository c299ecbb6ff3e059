package dev.mpipool.benchmarks.device;

import java.lang.management.ManagementFactory;
import java.util.Locale;
import mpi.MPI;
import mpi.MPIException;
import mpi.Status;

/**
 * What two ranks measure of their device. Rank 0 prints a line {@code <name> <value>} for each
 * measure; an argument picks one of the measures.
 */
public final class Measures {

  private static final int TAG = 1;
  private static final int STREAM = 100_000;

  private final int me;
  private final int other;

  private Measures() {
    me = MPI.COMM_WORLD.Rank();
    other = 1 - me;
  }

  /**
   * A rank's program.
   *
   * @param args what the launcher gives, and the measure's name
   * @throws Exception if MPI fails
   */
  public static void main(String[] args) throws Exception {
    long begin = System.nanoTime();
    String measure = MPI.Init(args)[0];
    if (measure.equals("init")) {
      MPI.COMM_WORLD.Barrier();
      print("MPI.Init of 16 ranks (ms)", (System.nanoTime() - begin) / 1e6);
    } else if (MPI.COMM_WORLD.Rank() < 2) {
      new Measures().run(measure);
    }
    MPI.Finalize();
  }

  private void run(String measure) throws Exception {
    switch (measure) {
      case "latency" -> {
        print("half round trip, 1 B (us)", pingPong(1, 20_000) * 1e6);
        print("half round trip, 1 kB (us)", pingPong(1000, 20_000) * 1e6);
        print("half round trip, 64 kB (us)", pingPong(64_000, 3_000) * 1e6);
      }
      case "bandwidth" -> {
        print("bandwidth, 1 MB (MB/s)", 1 / pingPong(1_000_000, 2_000));
        print("bandwidth, 16 MB (MB/s)", 16 / pingPong(16_000_000, 40));
      }
      case "stream" -> print("small messages, stream each way (1/s)", stream());
      case "idle" -> print("CPU of an idle rank (%)", idle());
      default -> throw new IllegalArgumentException(measure);
    }
  }

  private static void print(String name, double value) {
    if (MPI.COMM_WORLD.Rank() == 0) {
      System.out.println(String.format(Locale.ROOT, "= %s = %.3f", name, value));
    }
  }

  /** The best of three rounds after one to warm up, in seconds. */
  private double pingPong(int bytes, int times) {
    byte[] data = new byte[bytes];
    double best = Double.MAX_VALUE;
    for (int round = 0; round < 4; round++) {
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
      double seconds = (System.nanoTime() - begin) / 1e9 / times / 2;
      best = round == 0 ? best : Math.min(best, seconds);
    }
    return best;
  }

  /**
   * Both ranks send from one thread and receive on another; messages a second and direction, best
   * of three.
   */
  private double stream() throws InterruptedException {
    double best = 0;
    for (int round = 0; round < 4; round++) {
      long begin = System.nanoTime();
      Thread sender =
          new Thread(
              () -> {
                byte[] data = new byte[64];
                for (int i = 0; i < STREAM; i++) {
                  send(data);
                }
              });
      sender.start();
      byte[] data = new byte[64];
      for (int i = 0; i < STREAM; i++) {
        receive(data);
      }
      sender.join();
      double rate = STREAM / ((System.nanoTime() - begin) / 1e9);
      best = round == 0 ? best : Math.max(best, rate);
    }
    return best;
  }

  /**
   * Rank 1 waits in a receive while rank 0 sleeps; rank 1's CPU time in percent of the time it
   * waited.
   */
  private double idle() throws InterruptedException {
    byte[] data = new byte[8];
    pingPong(1, 1000);
    if (me == 0) {
      Thread.sleep(5000);
      send(data);
      double[] result = new double[1];
      MPI.COMM_WORLD.Recv(result, 0, 1, MPI.DOUBLE, other, TAG);
      return result[0];
    }
    Thread.sleep(500);
    long begin = System.nanoTime();
    long cpu = cpu();
    receive(data);
    double[] result = {100.0 * (cpu() - cpu) / (System.nanoTime() - begin)};
    MPI.COMM_WORLD.Send(result, 0, 1, MPI.DOUBLE, other, TAG);
    return result[0];
  }

  private static long cpu() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
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
