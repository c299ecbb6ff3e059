package dev.mpipool.batch;

/**
 * A batch that other parts of the library may consume chunk by chunk, with the elements' indices.
 */
public interface Consumable {

  /**
   * The run that provides the outcomes.
   *
   * @return always the same object
   */
  BatchRun run();
}
