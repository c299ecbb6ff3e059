package dev.mpipool.serial;

/** A function as it travels, once, to be called with many items. */
public interface ItemFunction extends InternalType {

  /**
   * What the user wants to run.
   *
   * @return a function
   */
  Object code();

  /**
   * How many arguments it takes.
   *
   * @return 1 to 3
   */
  int arity();

  /**
   * Calls it.
   *
   * @param a the first argument
   * @param b the second argument, null if it takes fewer
   * @param c the third argument, null if it takes fewer
   * @return its result
   * @throws Exception what the user's code throws
   */
  Object call(Object a, Object b, Object c) throws Exception;
}
