package dev.mpipool.benchmarks.executor;

import dev.mpipool.SerializableCallable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;

/**
 * METG(50 %), the minimum effective task granularity of the Task Bench paper (Slaughter et al.,
 * SC20): the task length at which the workers do useful work in half of their time.
 *
 * <p>Tasks compute a fixed number of steps, whose time is measured before, on both workers at once.
 * For lengths from long to short, each a half of the one before, many tasks of one length are
 * submitted, one future each; the efficiency is {@code tasks * length / (workers * time)}. METG is
 * where it falls below one half, on a logarithmic scale between the two lengths around. Task Bench
 * draws the time a task takes of a worker, overhead included; at the half that is twice the length.
 */
final class Granularity {

  private static final double HALF = 0.5;
  private static final double LONGEST_MICROS = 16_384;
  private static final double SHORTEST_MICROS = 1;
  private static final int FEWEST_TASKS = 100;
  private static final int MOST_TASKS = 50_000;

  private final Contestant contestant;
  private final Effort effort;
  private final double rate;

  /**
   * A measure.
   *
   * @param rate null tasks a second: longer lengths than pass with it are not below the half
   */
  Granularity(Contestant contestant, Effort effort, double rate) {
    this.contestant = contestant;
    this.effort = effort;
    this.rate = rate;
  }

  /** METG in microseconds under the key metg, and the efficiency of each length that was tried. */
  Map<String, Double> measure() throws Exception {
    Map<String, Double> found = new LinkedHashMap<>();
    double turnsPerMicro = calibrate();
    double longer = 0;
    double efficiencyOfLonger = 1;
    double metg = SHORTEST_MICROS;
    int below = 0;
    long begin = System.nanoTime();
    while (System.nanoTime() - begin < effort.warmUpNanos / 3) {
      efficiency(start(), turnsPerMicro); // warms up: the task is new to the workers
    }
    for (double micros = start(); micros >= SHORTEST_MICROS && below < 2; micros /= 2) {
      double efficiency = efficiency(micros, turnsPerMicro);
      found.put("efficiency.%.0f".formatted(micros), efficiency);
      below = efficiency < HALF ? below + 1 : 0;
      if (below == 1) {
        metg =
            longer == 0
                ? micros / efficiency * HALF // a bound from below only
                : between(longer, efficiencyOfLonger, micros, efficiency);
      } else if (below == 0) {
        metg = micros;
      }
      longer = micros;
      efficiencyOfLonger = efficiency;
    }
    found.put("metg", metg);
    return found;
  }

  /** A length that is surely long enough: eight times what null tasks cost, in powers of two. */
  private double start() {
    double sure = 8e6 * Contestant.WORKERS / rate;
    double micros = 128;
    while (micros < sure && micros < LONGEST_MICROS) {
      micros *= 2;
    }
    return micros;
  }

  private static double between(double longer, double above, double shorter, double below) {
    double share = (above - HALF) / (above - below);
    return Math.exp(Math.log(longer) + share * (Math.log(shorter) - Math.log(longer)));
  }

  private double efficiency(double micros, double turnsPerMicro) throws Exception {
    double seconds = 2 * effort.sampleNanos / 1e9;
    double ideal = seconds * Contestant.WORKERS / (micros / 1e6);
    int count = (int) Math.max(FEWEST_TASKS, Math.min(MOST_TASKS, Math.min(ideal, rate * seconds)));
    long turns = Math.round(micros * turnsPerMicro);
    SerializableCallable<Long> task = contestant.tasks().work(turns);
    double best = 0;
    for (int i = 0; i < 2; i++) {
      List<Future<Long>> futures = new ArrayList<>(count);
      long begin = System.nanoTime();
      for (int j = 0; j < count; j++) {
        futures.add(contestant.submit(task));
      }
      long sum = 0;
      for (Future<Long> future : futures) {
        sum += Parts.get(future);
      }
      double elapsed = (System.nanoTime() - begin) / 1e3;
      Parts.check(count * turns, sum);
      best = Math.max(best, count * micros / (Contestant.WORKERS * elapsed));
    }
    return best;
  }

  /** Turns a microsecond, while both workers compute. */
  private double calibrate() throws Exception {
    long turns = 20_000_000;
    double best = 0;
    for (int i = 0; i < 3; i++) {
      for (double nanos : contestant.onEachWorker(() -> nanosOf(turns))) {
        best = Math.max(best, turns / nanos * 1e3);
      }
    }
    return best;
  }

  private static double nanosOf(long turns) {
    long begin = System.nanoTime();
    Tasks.turn(turns);
    return System.nanoTime() - begin;
  }
}
