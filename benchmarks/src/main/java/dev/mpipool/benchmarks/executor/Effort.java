package dev.mpipool.benchmarks.executor;

import java.util.concurrent.TimeUnit;

/** How much time the measures may take. */
public enum Effort {
  /** All parts in seconds, for a look. */
  QUICK(3, 100, 500, 30, 2, 45, 140),
  /** For figures to be quoted. */
  FULL(5, 500, 60_000, 150, 10, 600, 24 * 3600);

  /** How often a program takes each measure; each is told. */
  final int repetitions;

  /** How long a measure is to take, about. */
  final long sampleNanos;

  /** How long to warm up for a measure at most, and a twelfth of it at least. */
  final long warmUpNanos;

  /** How many tasks of mixed lengths there are; each takes 72 ms in the mean. */
  final int mixedTasks;

  /** How long to look at an idle pool. */
  final int idleSeconds;

  /** How long a program may take in all. */
  final int limitSeconds;

  /** How long a run of all programs may take; what does not fit is left out. */
  final int runSeconds;

  Effort(
      int repetitions,
      long sampleMillis,
      long warmUpMillis,
      int mixedTasks,
      int idleSeconds,
      int limitSeconds,
      int runSeconds) {
    this.runSeconds = runSeconds;
    this.repetitions = repetitions;
    this.sampleNanos = TimeUnit.MILLISECONDS.toNanos(sampleMillis);
    this.warmUpNanos = TimeUnit.MILLISECONDS.toNanos(warmUpMillis);
    this.mixedTasks = mixedTasks;
    this.idleSeconds = idleSeconds;
    this.limitSeconds = limitSeconds;
  }

  /**
   * Reads a program's argument.
   *
   * @param args of the program; the first says quick or full
   * @return quick if there is none
   */
  public static Effort of(String[] args) {
    return args.length > 0 && args[0].startsWith("full") ? FULL : QUICK;
  }
}
