package dev.mpipool.nativempi;

import com.sun.management.OperatingSystemMXBean;
import dev.mpipool.transport.Receiver;
import dev.mpipool.transport.Transport;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;

/** Ranks that wait for messages of which none come, and say what that costs. */
public final class Idle {

  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  private Idle() {}

  public static void main(String[] args) {
    Transport transport = Ranks.join();
    transport.start(
        new Receiver() {
          @Override
          public void received(
              int source, long context, int tag, ByteBuffer data, byte[] attachment, int missing) {}

          @Override
          public void broken(String reason) {}
        });
    waitFor(transport, 2_000_000_000L); // what has to be compiled is compiled
    long cpu = SYSTEM.getProcessCpuTime();
    long begin = System.nanoTime();
    waitFor(transport, 5_000_000_000L);
    double used = 100.0 * (SYSTEM.getProcessCpuTime() - cpu) / (System.nanoTime() - begin);
    if (transport.rank() == 0) {
      System.out.printf("idle %.2f %%%n", used);
    }
    transport.finish(false);
  }

  private static void waitFor(Transport transport, long nanos) {
    long begin = System.nanoTime();
    for (long rest = nanos; rest > 0; rest = nanos - (System.nanoTime() - begin)) {
      transport.poll(rest);
    }
  }
}
