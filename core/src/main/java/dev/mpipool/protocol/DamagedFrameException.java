package dev.mpipool.protocol;

import java.nio.ByteBuffer;

/** A message is not a frame. */
public final class DamagedFrameException extends Exception {

  private static final long serialVersionUID = 1;

  DamagedFrameException(String what, ByteBuffer message) {
    super("A message of %d bytes %s".formatted(message.remaining(), what));
  }
}
