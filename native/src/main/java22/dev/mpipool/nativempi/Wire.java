package dev.mpipool.nativempi;

/**
 * What messages look like below. A short message is one of MPI's; a long one is a head, with the
 * first bytes, and pieces that follow it, which nothing of the same sender and tag comes between.
 *
 * <pre>
 *   head:  | context (long) | tag (int) | length (int) | length of the attachment (int) | kind (int) | bytes ... |
 *   piece: | up to 256 KiB of the rest |
 * </pre>
 */
final class Wire {

  /**
   * MPI's tags: for what {@code send} sends, for what {@code sendDirect} sends, and for the end.
   */
  static final int MESSAGES = 1;

  static final int DIRECT = 2;
  static final int CONTROL = 3;

  static final int CONTEXT = 0;
  static final int TAG = 8;
  static final int LENGTH = 12;
  static final int ATTACHMENT = 16;
  static final int KIND = 20;
  static final int HEADER_BYTES = 24;

  /**
   * Kinds: a message of the user's; or the last one of a rank, which says that its process ends.
   */
  static final int MESSAGE = 0;

  static final int LEFT = 1;

  /** A message of at most so many bytes travels alone. */
  static final int SHORT_BYTES = Slot.BYTES - HEADER_BYTES;

  /** What the head of a long message carries of it. */
  static final int FIRST_BYTES = 32 * 1024;

  /** Libraries send so much, and more, without waiting for the receiver. */
  static final int EAGER_BYTES = 4 * 1024;

  /** A direct message of at most so many bytes travels alone. */
  static final int SHORT_DIRECT_BYTES = EAGER_BYTES - HEADER_BYTES;

  /** How many pieces are under way at once. */
  static final int WINDOW = 4;

  static final int MAX_BYTES = Integer.MAX_VALUE - 1023;

  private Wire() {}
}
