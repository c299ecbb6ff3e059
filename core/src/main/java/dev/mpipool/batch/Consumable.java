package dev.mpipool.batch;

/**
 * A batch that other parts of this product may consume chunk by chunk, with the elements' places.
 */
public interface Consumable {

  /**
   * Where its outcomes come from.
   *
   * @return always the same
   */
  BatchRun run();
}
