package dev.mpipool.shared;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.LocalCommunicator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.Callable;

/**
 * Collective steps that succeed on every rank or fail on every rank.
 *
 * <p>Each rank contributes bytes, or the exception that kept it from having any. All learn of all,
 * and so all throw if one does: a rank with an exception its own, the others one of the same kind
 * that names the rank.
 *
 * <pre>
 *   | 0 (byte) | the rank's bytes ... |      | kind (byte) | message of its exception, UTF-8 ... |
 * </pre>
 */
final class Agreement {

  private static final byte FINE = 0;
  private static final byte ARGUMENT = 1;
  private static final byte STATE = 2;
  private static final byte IO = 3;
  private static final byte OTHER = 4;

  private Agreement() {}

  /** The communicator of this process alone, if there is none. */
  static Communicator orAlone(Communicator communicator) {
    return communicator != null ? communicator : LocalCommunicator.create(1).get(0);
  }

  /** Collective: what each rank contributes, by rank. */
  static List<ByteBuffer> exchange(Communicator communicator, Callable<byte[]> mine) {
    Throwable own = null;
    byte[] message;
    try {
      byte[] bytes = mine.call();
      message = ByteBuffer.allocate(1 + bytes.length).put(FINE).put(bytes).array();
    } catch (CommunicatorException e) {
      throw e; // where ranks are lost, there is none to agree with
    } catch (Throwable e) {
      own = e;
      byte[] text = (e.getMessage() == null ? e.toString() : e.getMessage()).getBytes(UTF_8);
      message = ByteBuffer.allocate(1 + text.length).put(kind(e)).put(text).array();
    }
    List<byte[]> all = communicator.allGather(message);
    if (own != null) {
      throw unchecked(own);
    }
    for (int rank = 0; rank < all.size(); rank++) {
      byte[] other = all.get(rank);
      if (other[0] != FINE) {
        String text = new String(other, 1, other.length - 1, UTF_8);
        throw exception(other[0], "Rank " + rank + ": " + text);
      }
    }
    return all.stream().map(bytes -> ByteBuffer.wrap(bytes, 1, bytes.length - 1).slice()).toList();
  }

  /** Collective: goes on when all ranks have come so far; none does if one has failed. */
  static void complete(Communicator communicator, Step mine) {
    exchange(
        communicator,
        () -> {
          mine.run();
          return new byte[0];
        });
  }

  /** Collective: fails on every rank unless all say the same. */
  static void onSame(Communicator communicator, Callable<String> mine) {
    List<ByteBuffer> all = exchange(communicator, () -> mine.call().getBytes(UTF_8));
    for (int rank = 1; rank < all.size(); rank++) {
      if (!all.get(rank).equals(all.get(0))) {
        throw new IllegalArgumentException(
            "The ranks disagree: rank 0 asks for %s, rank %d for %s"
                .formatted(UTF_8.decode(all.get(0)), rank, UTF_8.decode(all.get(rank))));
      }
    }
  }

  /** What a rank does before all go on. */
  @FunctionalInterface
  interface Step {
    void run() throws Exception;
  }

  private static byte kind(Throwable e) {
    if (e instanceof IllegalArgumentException || e instanceof NullPointerException) {
      return ARGUMENT;
    }
    if (e instanceof IllegalStateException) {
      return STATE;
    }
    return e instanceof IOException || e instanceof UncheckedIOException ? IO : OTHER;
  }

  private static RuntimeException exception(byte kind, String text) {
    return switch (kind) {
      case ARGUMENT -> new IllegalArgumentException(text);
      case STATE -> new IllegalStateException(text);
      case IO -> new UncheckedIOException(new IOException(text));
      default -> new CommunicatorException(text, null);
    };
  }

  private static RuntimeException unchecked(Throwable e) {
    if (e instanceof RuntimeException unchecked) {
      return unchecked;
    }
    if (e instanceof IOException io) {
      return new UncheckedIOException(io);
    }
    if (e instanceof Error error) {
      throw error;
    }
    return new CommunicatorException(e.toString(), e);
  }
}
