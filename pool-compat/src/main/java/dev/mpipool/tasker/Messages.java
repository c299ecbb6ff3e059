package dev.mpipool.tasker;

/**
 * The messages between root and workers of a map, by tag. A worker sends READY when it calls map.
 * Before it sends anything else, it waits for TASK, END or PROBLEM; so the root always sends to a
 * worker that receives, and neither side has to receive while it sends.
 *
 * <pre>
 *   READY    worker to root   | the file it maps to, UTF-8 |
 *   DONE     worker to root   | index (int) | result, encoded |
 *   FAILED   worker to root   | index (int) | FailureReport |
 *   LOST     root to itself   | rank (int) | how it died, UTF-8 |
 *   TASK     root to worker   | index (int) | argument, encoded |
 *   RESULTS  root to worker   | length (int) | result, encoded | ... for the tasks that come next |
 *   END      root to worker   | after the last RESULTS |
 *   PROBLEM  root to worker   | FailureReport: what map throws |
 * </pre>
 */
final class Messages {

  static final int READY = 1;
  static final int DONE = 2;
  static final int FAILED = 3;
  static final int LOST = 4;
  static final int TASK = 5;
  static final int RESULTS = 6;
  static final int END = 7;
  static final int PROBLEM = 8;

  private Messages() {}
}
