package dev.mpipool.nativempi;

import dev.mpipool.transport.Transport;
import dev.mpipool.transport.TransportWalk;

/** A rank of a walk: {@code Walker SEED}. */
public final class Walker {

  private Walker() {}

  public static void main(String[] args) throws Exception {
    Transport transport = Ranks.join();
    long bytes = new TransportWalk(transport, Long.parseLong(args[0])).run();
    System.out.println("rank " + transport.rank() + " has received " + bytes + " bytes");
    transport.finish(false);
  }
}
