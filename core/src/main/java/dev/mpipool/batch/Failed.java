package dev.mpipool.batch;

/**
 * The outcome of an item of a batch that has no value.
 *
 * @param cause thrown by the function, or why the item could not be run
 * @param dropped whether the item itself did not fail: the batch or the pool ended first
 */
public record Failed(Throwable cause, boolean dropped) {

  /** The outcome of an item that has failed itself. */
  Failed(Throwable cause) {
    this(cause, false);
  }
}
