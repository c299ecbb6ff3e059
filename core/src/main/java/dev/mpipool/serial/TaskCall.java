package dev.mpipool.serial;

import java.util.List;
import java.util.concurrent.Callable;

/** A task as it travels: some code, and the arguments it is called with. */
public interface TaskCall extends Callable<Object>, InternalType {

  /**
   * What the user wants to run.
   *
   * @return a callable, runnable or function
   */
  Object code();

  /**
   * How the code is called.
   *
   * @return a number from 0 to 127, for {@link Caller}; a negative one for a call that travels as a
   *     whole and calls its code itself
   */
  default int shape() {
    return -1;
  }

  /**
   * What it is called with.
   *
   * @return the arguments in order, nulls included
   */
  List<Object> arguments();
}
