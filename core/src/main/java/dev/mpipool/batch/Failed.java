package dev.mpipool.batch;

/**
 * What became of an item of a batch that has no value.
 *
 * @param cause what its function threw, or what befell it
 * @param dropped whether nothing is wrong with the item: the batch or the pool ended before it was
 *     done
 */
public record Failed(Throwable cause, boolean dropped) {

  /** The item has failed. */
  Failed(Throwable cause) {
    this(cause, false);
  }
}
