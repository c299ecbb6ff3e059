package dev.mpipool.serial;

import java.io.IOException;

/** What is written takes more bytes than there may be, or than there is memory for. */
final class TooLongException extends IOException {

  private static final long serialVersionUID = 1;

  TooLongException(String message, OutOfMemoryError cause) {
    super(message, cause);
  }
}
