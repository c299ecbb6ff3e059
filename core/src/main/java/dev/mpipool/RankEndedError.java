package dev.mpipool;

/**
 * Ends a rank that is a thread, where {@code rejoin(false)} says that workers do not come out of
 * the pool. An error, so that no catch block of the program stops it; the launcher knows it by its
 * name and takes it for a normal end.
 */
final class RankEndedError extends Error {

  private static final long serialVersionUID = 1;

  RankEndedError() {
    super("This rank was a worker and ends with its pool", null, false, false);
  }
}
