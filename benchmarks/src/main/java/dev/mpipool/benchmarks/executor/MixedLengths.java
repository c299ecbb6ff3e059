package dev.mpipool.benchmarks.executor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.concurrent.Future;

/**
 * Tasks of lengths from a microsecond to a second, log-uniform, the same in every run, compared
 * with a perfect greedy schedule: each task begins, in the order of submission, as soon as a worker
 * is free, and nothing costs anything.
 */
final class MixedLengths {

  private static final long SEED = 2026;

  private final Contestant contestant;
  private final int count;

  MixedLengths(Contestant contestant, int count) {
    this.contestant = contestant;
    this.count = count;
  }

  /** The lengths in nanoseconds. */
  static long[] lengths(int count) {
    Random random = new Random(SEED);
    return random.doubles(count).mapToLong(x -> Math.round(1e3 * Math.pow(1e6, x))).toArray();
  }

  /**
   * The time over that of the greedy schedule: of the lengths the tasks were to have (mixed), and
   * of those they had, with the timer's lateness (mixed.real).
   */
  Map<String, Double> measure() throws Exception {
    long[] lengths = lengths(count);
    List<Future<Long>> futures = new ArrayList<>();
    long begin = System.nanoTime();
    for (long nanos : lengths) {
      futures.add(contestant.submit(contestant.tasks().last(nanos)));
    }
    long[] real = new long[count];
    for (int i = 0; i < count; i++) {
      real[i] = Parts.get(futures.get(i));
    }
    double elapsed = System.nanoTime() - begin;
    for (int i = 0; i < count; i++) {
      Parts.check(1, real[i] >= lengths[i] ? 1 : 0);
    }
    Map<String, Double> found = new LinkedHashMap<>();
    found.put("mixed", elapsed / greedy(lengths, Contestant.WORKERS));
    found.put("mixed.real", elapsed / greedy(real, Contestant.WORKERS));
    return found;
  }

  /** When a greedy schedule without any cost ends. */
  static long greedy(long[] lengths, int workers) {
    PriorityQueue<Long> free = new PriorityQueue<>();
    for (int i = 0; i < workers; i++) {
      free.add(0L);
    }
    long end = 0;
    for (long nanos : lengths) {
      long done = free.remove() + nanos;
      end = Math.max(end, done);
      free.add(done);
    }
    return end;
  }
}
