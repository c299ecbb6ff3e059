package dev.mpipool.nativempi;

import java.util.concurrent.atomic.AtomicLongArray;

/** When something last came from each rank, or was last taken by it. */
final class Progress {

  private final AtomicLongArray times;

  Progress(int size) {
    this.times = new AtomicLongArray(size);
  }

  void made(int rank) {
    times.lazySet(rank, System.nanoTime());
  }

  long last(int rank) {
    return times.get(rank);
  }
}
