package dev.mpipool.tasker;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.Message;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Uninterruptibles;
import java.nio.ByteBuffer;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;

/**
 * The messages to the root, reports of lost ranks included. Used by the thread that calls map.
 *
 * <p>Where the other ranks survive a loss, the report is a message of this rank to itself, which
 * wakes the thread. Where they do not, nothing wakes a thread that waits in MPI: there another
 * thread receives, one message for each call of {@link #next}, so that no receive is pending when
 * the map has ended.
 */
final class RootInbox implements AutoCloseable {

  private static final int ROOT = 0;

  private final Communicator communicator;
  private final boolean direct;
  private final Semaphore wanted = new Semaphore(0);
  private final BlockingQueue<Object> arrived = new LinkedBlockingQueue<>();
  private boolean asked;
  private volatile boolean closed;

  RootInbox(Communicator communicator) {
    this.communicator = communicator;
    direct = communicator.failureModel().othersSurvive();
    if (communicator.size() > 1) {
      communicator.onRankLost(this::lost);
      if (!direct) {
        Thread receiver = new Thread(this::receive, "mpipool-tasker-receiver");
        receiver.setDaemon(true);
        receiver.start();
      }
    }
  }

  private void lost(int rank, String reason) {
    Memory.persist(() -> report(rank, reason));
  }

  private void report(int rank, String reason) {
    if (direct) {
      byte[] text = reason.getBytes(UTF_8);
      ByteBuffer loss = ByteBuffer.allocate(Integer.BYTES + text.length);
      communicator.send(ROOT, Messages.LOST, loss.putInt(rank).put(text).flip());
    } else {
      String what = "Rank %d is lost, and with it the connections of all ranks: %s";
      arrived.add(new CommunicatorException(what.formatted(rank, reason), null));
    }
  }

  private void receive() {
    try {
      for (wanted.acquireUninterruptibly(); !closed; wanted.acquireUninterruptibly()) {
        Message message = communicator.receive(Communicator.ANY_SOURCE, Communicator.ANY_TAG);
        Memory.persist(() -> arrived.add(message));
      }
    } catch (RuntimeException e) {
      Memory.persist(() -> arrived.add(e));
    } catch (Throwable e) { // map must not wait for a thread that has ended
      Memory.persist(
          () -> arrived.add(new CommunicatorException("Nothing can be received any more", e)));
    }
  }

  /** Waits for the next message. */
  Message next() {
    if (direct) {
      return communicator.receive(Communicator.ANY_SOURCE, Communicator.ANY_TAG);
    }
    if (!asked) {
      asked = true;
      wanted.release();
    }
    Object next = Uninterruptibles.get(arrived::take);
    if (next instanceof RuntimeException broken) {
      arrived.add(broken); // for the next call
      throw broken;
    }
    asked = false;
    return (Message) next;
  }

  @Override
  public void close() {
    closed = true;
    wanted.release();
  }
}
