package dev.mpipool.queue;

/**
 * The jobs of a chunk ended without a result, as often as they were submitted. The message has the
 * end of what they wrote to stderr.
 *
 * <p>An example is at {@link MapFailedException}, whose failures this can be.
 */
public class ChunkLostException extends Exception {

  private static final long serialVersionUID = 1;

  ChunkLostException(String message) {
    super(message, null, true, false);
  }
}
