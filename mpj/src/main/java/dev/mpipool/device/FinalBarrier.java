package dev.mpipool.device;

import java.nio.ByteBuffer;
import java.util.UUID;
import mpjbuf.Buffer;
import mpjbuf.NIOBuffer;
import mpjbuf.Type;
import mpjdev.Status;

/**
 * MPI.Finalize of MPJ Express begins with a barrier over all ranks: a tree of messages with one int
 * each, which would end with an exception at the neighbours of a lost rank and never at theirs. So
 * within MPI.Finalize a message to a lost rank is dropped and one from a lost rank is made up. The
 * living still wait for each other: {@link TcpDevice#finish} sees to that.
 */
final class FinalBarrier {

  private FinalBarrier() {}

  /** Whether this thread is in the barrier of MPI.Finalize. Only asked when a rank is lost. */
  static boolean isHere() {
    return StackWalker.getInstance()
        .walk(
            frames ->
                frames.anyMatch(
                    f ->
                        f.getClassName().equals("mpi.MPI")
                            && f.getMethodName().equals("Finalize")));
  }

  /** Receives one int, 0, that nobody has sent. */
  static Status receive(Buffer buffer, UUID source, int tag) {
    ByteBuffer memory = ((NIOBuffer) buffer.getStaticBuffer()).getBuffer().duplicate();
    memory.clear();
    int at = buffer.offset();
    int length = Buffer.SECTION_OVERHEAD + Integer.BYTES;
    memory.put(at, (byte) Type.INT.getCode());
    memory.putInt(at + 4, 1);
    memory.putInt(at + Buffer.SECTION_OVERHEAD, 0);
    buffer.setSize(length);
    return new Status(source, tag, -1, Type.INT, 1);
  }
}
