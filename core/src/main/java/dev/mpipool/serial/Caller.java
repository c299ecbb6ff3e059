package dev.mpipool.serial;

/** Calls the kinds of code that the face has; the rooms below know them by number only. */
@FunctionalInterface
public interface Caller {

  /**
   * Calls some code.
   *
   * @param shape its kind, from {@link TaskCall#shape}
   * @param code what the user wants to run
   * @param a the first argument, null if it takes none
   * @param b the second argument, null if it takes fewer
   * @param c the third argument, null if it takes fewer
   * @return its result
   * @throws Exception what the user's code throws
   */
  Object call(int shape, Object code, Object a, Object b, Object c) throws Exception;
}
