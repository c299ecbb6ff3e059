package dev.mpipool.dispatch;

/** What {@link Heartbeats} knows of one worker. Guarded by the dispatcher's lock. */
final class HeartbeatWatch {

  /** When a sign of life last came, by {@link System#nanoTime}. */
  long heard;

  /** Since when none has come, in nanoseconds in which main was awake. */
  long silentSince;

  boolean pinged;

  /** When the first unanswered ping was sent, likewise. */
  long pingedSince;
}
