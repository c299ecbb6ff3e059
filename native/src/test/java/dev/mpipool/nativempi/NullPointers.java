package dev.mpipool.nativempi;

import dev.mpipool.transport.Transport;

/** Ranks whose code runs into null, which the JVM learns by a signal. */
public final class NullPointers {

  private NullPointers() {}

  public static void main(String[] args) {
    Transport transport = Ranks.join();
    int caught = 0;
    for (int i = 0; i < 1000; i++) {
      try {
        length(i < 0 ? args : null);
      } catch (NullPointerException e) {
        caught++;
      }
    }
    System.out.println(caught + " of 1000");
    transport.finish(false);
  }

  private static int length(String[] array) {
    return array.length;
  }
}
