package dev.mpipool.transport;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * How fast a transport is, any of them: rank 0 measures messages to rank 1 and back. Both are their
 * own pollers, and nothing else runs.
 *
 * <p>Rank by rank: {@code new TransportTimes(transport).run()}.
 */
public final class TransportTimes {

  private static final int LONG_BYTES = 64 << 20;
  private static final int STREAM = 1_000_000;
  private static final int ECHO = 1;
  private static final int COUNT = 2;
  private static final int DIRECT = 3;
  private static final int STOP = 4;
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final Transport transport;
  private final int other;

  /** What came last, and how often something came. */
  private ByteBuffer data;

  private byte[] attachment;
  private int tag;
  private long come;

  /** Measurements of a rank that have not begun yet. */
  public TransportTimes(Transport transport) {
    this.transport = transport;
    this.other = 1 - transport.rank();
  }

  /** Returns what was measured, for people; empty on rank 1. */
  public String run() throws InterruptedException {
    transport.start(
        new Receiver() {
          @Override
          public void received(
              int source, long context, int label, ByteBuffer bytes, byte[] end, int missing) {
            data = bytes;
            attachment = end;
            tag = label;
            come++;
          }

          @Override
          public void broken(String reason) {
            throw new IllegalStateException(reason);
          }
        });
    if (transport.rank() != 0) {
      answer();
      return "";
    }
    String result =
        String.join("\n", roundTrips(), longArrays(), longDirect(), stream(), idle()) + "\n";
    transport.send(other, 0, STOP, NOTHING, NOTHING);
    return result;
  }

  private void receive() {
    for (long before = come; come == before; ) {
      transport.poll(1_000_000_000L);
    }
  }

  private void answer() {
    long counted = 0;
    ByteBuffer place = null;
    while (true) {
      receive();
      if (tag == STOP) {
        return;
      }
      if (tag == ECHO) {
        ByteBuffer end = attachment == null ? NOTHING : ByteBuffer.wrap(attachment);
        transport.send(other, 0, ECHO, data, end);
      } else if (tag == DIRECT) {
        place = place == null ? ByteBuffer.allocateDirect(LONG_BYTES) : place;
        transport.receiveDirect(other, 1, 1, place);
        transport.sendDirect(other, 1, 1, place);
      } else if (++counted % STREAM == 0) {
        transport.send(other, 0, ECHO, NOTHING, NOTHING);
      }
    }
  }

  private long roundTrip(ByteBuffer message, ByteBuffer end) {
    long begin = System.nanoTime();
    transport.send(other, 0, ECHO, message, end);
    receive();
    return System.nanoTime() - begin;
  }

  private String roundTrips() throws InterruptedException {
    ByteBuffer message = ByteBuffer.allocate(1024);
    for (int i = 0; i < 50_000; i++) {
      roundTrip(message, NOTHING);
    }
    StringBuilder text = new StringBuilder("round trip of 1 kB, median (p90) us:");
    for (int pause : new int[] {0, 1, 10, 100, 1000}) {
      long[] nanos = new long[pause == 0 ? 5000 : pause == 1000 ? 7 : pause == 100 ? 20 : 100];
      for (int i = 0; i < nanos.length; i++) {
        Thread.sleep(pause);
        nanos[i] = roundTrip(message, NOTHING);
      }
      Arrays.sort(nanos);
      text.append(
          " | after %d ms %.1f (%.1f)"
              .formatted(pause, nanos[nanos.length / 2] / 1e3, nanos[nanos.length * 9 / 10] / 1e3));
    }
    return text.toString();
  }

  private String longArrays() {
    ByteBuffer end = ByteBuffer.allocate(LONG_BYTES);
    return "64 MB byte[]: " + speed(() -> roundTrip(ByteBuffer.allocate(100), end));
  }

  private String longDirect() {
    ByteBuffer place = ByteBuffer.allocateDirect(LONG_BYTES);
    return "64 MB direct: "
        + speed(
            () -> {
              transport.send(other, 0, DIRECT, NOTHING, NOTHING);
              transport.sendDirect(other, 1, 1, place);
              transport.receiveDirect(other, 1, 1, place);
            });
  }

  private static String speed(Runnable roundTrip) {
    double best = 0;
    for (int i = 0; i < 15; i++) {
      long begin = System.nanoTime();
      roundTrip.run();
      best = Math.max(best, 2.0 * LONG_BYTES / (System.nanoTime() - begin));
    }
    return "%.2f GB/s each way".formatted(best);
  }

  private String stream() {
    double best = 0;
    for (int run = 0; run < 4; run++) {
      long begin = System.nanoTime();
      for (int i = 0; i < STREAM; i++) {
        transport.send(other, 0, COUNT, NOTHING, NOTHING);
      }
      receive();
      best = Math.max(best, STREAM * 1e9 / (System.nanoTime() - begin));
    }
    return "messages of 0 bytes: %.0f a second".formatted(best);
  }

  private String idle() {
    long begin = System.nanoTime();
    long cpu = cpuNanos();
    while (System.nanoTime() - begin < 5_000_000_000L) {
      transport.poll(1_000_000_000L);
    }
    double used = (cpuNanos() - cpu) * 100.0 / (System.nanoTime() - begin);
    return "idle: %.2f %% of a core".formatted(used);
  }

  private static long cpuNanos() {
    return ProcessHandle.current().info().totalCpuDuration().orElseThrow().toNanos();
  }
}
