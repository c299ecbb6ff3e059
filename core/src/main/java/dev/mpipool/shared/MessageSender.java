package dev.mpipool.shared;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Uninterruptibles;
import java.nio.ByteBuffer;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends messages of one tag in the order in which they are posted, by a thread of its own, so that
 * a thread that posts never waits for a receiver. After the last message it closes the
 * communicator. Thread-safe.
 */
final class MessageSender {

  private static final Logger LOG = LoggerFactory.getLogger(MessageSender.class);
  private static final Outgoing LAST = new Outgoing(-1, null);

  private final Communicator communicator;
  private final int tag;
  private final Consumer<Throwable> failed;
  private final BlockingQueue<Outgoing> outbox = new LinkedBlockingQueue<>();
  private final Thread thread;

  /** A message on its way; the last has none. */
  private record Outgoing(int destination, ByteBuffer message) {
    boolean isLast() {
      return message == null;
    }
  }

  /**
   * Creates a sender, which is started by {@link #start}.
   *
   * @param communicator is closed after the last message
   * @param tag of all messages
   * @param threadName of the thread that sends
   * @param failed is called, in that thread, with a failure to send that is neither a lost rank nor
   *     a lack of memory. The message is dropped.
   */
  MessageSender(Communicator communicator, int tag, String threadName, Consumer<Throwable> failed) {
    this.communicator = communicator;
    this.tag = tag;
    this.failed = failed;
    thread = new Thread(this::send, threadName);
    thread.setDaemon(true);
  }

  /** Begins to send, by a thread that the calling one starts. */
  void start() {
    thread.start();
  }

  /** Has a message sent; one for a lost rank is dropped. */
  void post(int destination, ByteBuffer message) {
    outbox.add(new Outgoing(destination, message));
  }

  /** Nothing more is posted: the thread ends when it has sent the rest. */
  void end() {
    Memory.persist(() -> outbox.add(LAST));
  }

  /** Waits for the end of the thread, through interrupts. */
  void awaitEnd(long millis) {
    Uninterruptibles.join(thread, millis);
  }

  private void send() {
    long pause = 0;
    Outgoing next = null;
    while (next == null || !next.isLast()) {
      try {
        if (next != null) {
          communicator.send(next.destination, tag, next.message);
          next = null;
        }
        next = outbox.take();
        pause = 0;
      } catch (CommunicatorException e) {
        LOG.debug("Rank {} cannot be told", next.destination, e);
        next = null;
      } catch (OutOfMemoryError e) { // then nothing was sent, and others wait for it
        pause = Memory.pause(pause);
      } catch (InterruptedException e) {
        LOG.warn("The sender {} was interrupted", thread.getName(), e);
        break;
      } catch (Throwable e) {
        failed.accept(e);
        next = null;
      }
    }
    communicator.close();
  }
}
