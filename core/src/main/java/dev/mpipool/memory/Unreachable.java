package dev.mpipool.memory;

import java.lang.ref.Cleaner;

/** Lets go of what users have begun and cannot reach any more. */
public final class Unreachable {

  private static final Cleaner CLEANER = Cleaner.create();

  private Unreachable() {}

  /**
   * Has something done some time after the last reference to a handle is gone.
   *
   * @param handle what the user has
   * @param action must not refer to the handle; runs no code of the user, and does not wait
   */
  public static void whenUnreachable(Object handle, Runnable action) {
    CLEANER.register(handle, action);
  }
}
