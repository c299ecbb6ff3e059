package dev.mpipool.device;

import java.nio.ByteBuffer;
import java.util.UUID;
import mpjbuf.Buffer;
import mpjbuf.NIOBuffer;
import mpjbuf.Type;
import mpjdev.Status;

/**
 * The barrier with which MPJ Express's MPI.Finalize begins, in the case that ranks are lost. The
 * barrier is a tree of messages with one int each: the neighbours of a lost rank would get an
 * exception, and their neighbours would wait for ever. So within MPI.Finalize a message to a lost
 * rank is dropped, and one from a lost rank is made up. {@link TcpDevice#finish} then makes the
 * living ranks wait for each other.
 */
final class FinalBarrier {

  private FinalBarrier() {}

  /** Whether this thread is in the barrier. It walks the stack: call it only if a rank is lost. */
  static boolean isHere() {
    return StackWalker.getInstance()
        .walk(
            frames ->
                frames.anyMatch(
                    f ->
                        f.getClassName().equals("mpi.MPI")
                            && f.getMethodName().equals("Finalize")));
  }

  /** Fills the buffer as if one int, 0, had been received. */
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
