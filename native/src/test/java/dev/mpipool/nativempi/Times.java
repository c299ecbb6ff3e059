package dev.mpipool.nativempi;

import dev.mpipool.transport.Transport;
import dev.mpipool.transport.TransportTimes;

/** Measures messages between two ranks: {@code mpirun -n 2 java -cp ... Times}. */
public final class Times {

  private Times() {}

  public static void main(String[] args) throws InterruptedException {
    Transport transport = Ranks.join();
    System.out.print(new TransportTimes(transport).run());
    transport.finish(false);
  }
}
