package dev.mpipool.tasker;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.Message;
import dev.mpipool.memory.Memory;
import java.nio.ByteBuffer;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;

/**
 * What comes to the root, news of lost ranks included. Used by the thread that calls map.
 *
 * <p>Where the communicator survives lost ranks, the news wakes the thread as a message to itself.
 * Where it does not, nothing wakes a thread that waits in MPI: there another one receives, one
 * message each time it is asked, so that none is left waiting when the map has ended.
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
    Memory.persist(() -> tell(rank, reason));
  }

  private void tell(int rank, String reason) {
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
    } catch (Throwable e) { // map must not wait for this thread
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
    Object next = takeUninterruptibly();
    if (next instanceof RuntimeException broken) {
      arrived.add(broken); // whoever asks again is told again
      throw broken;
    }
    asked = false;
    return (Message) next;
  }

  private Object takeUninterruptibly() {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return arrived.take();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    wanted.release();
  }
}
