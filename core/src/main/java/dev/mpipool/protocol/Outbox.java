package dev.mpipool.protocol;

/** Takes entries for other ranks; never waits. */
@FunctionalInterface
public interface Outbox {
  /**
   * Has an entry sent.
   *
   * @param rank the receiver
   * @param entry what to send
   */
  void post(int rank, Entry entry);

  /**
   * Has an entry sent by the calling thread itself, which calls {@link #flush} soon, with no lock
   * held.
   *
   * @param rank the receiver
   * @param entry what to send
   */
  default void postForFlush(int rank, Entry entry) {
    post(rank, entry);
  }

  /** Sends what was posted to be flushed. */
  default void flush() {}

  /**
   * For how many ranks there is something that has not been sent yet.
   *
   * @return how many frames are to go out, as it was a moment ago
   */
  default int waiting() {
    return 0;
  }
}
