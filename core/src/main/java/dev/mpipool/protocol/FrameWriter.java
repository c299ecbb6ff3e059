package dev.mpipool.protocol;

import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.MessageChannel;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Ring;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends the entries of a queue in as few frames as they need, on the calling thread.
 *
 * <p>Entries that there is no memory to send are tried again for some seconds, one by one; then the
 * entry is {@linkplain FrameSender.SendFailureListener#unsent dropped}, and the rest goes on. Has
 * no state of its own: several threads may write to different ranks.
 */
final class FrameWriter {

  /**
   * Entries that together are longer go into several frames; one that is longer alone, or has a
   * attachment, goes alone.
   */
  private static final long FRAME_BYTES = 1 << 20;

  /** A frame's list of entries has room for at most so many from the start. */
  private static final int ROOM = 1024;

  /** How often an entry is tried on its own, even if it seems to be too long for the heap. */
  private static final int ATTEMPTS = 3;

  private static final int MOST_ENTRIES = Integer.MAX_VALUE;

  private static final Logger LOG = LoggerFactory.getLogger(FrameSender.class);

  private final MessageChannel channel;
  private final FrameSender.SendFailureListener failures;
  private final IntFunction<Entry> last;

  /**
   * Creates a writer.
   *
   * @param failures informed of what could not be sent
   * @param last asked for a last entry of every frame to a rank, which may be null
   */
  FrameWriter(
      MessageChannel channel, FrameSender.SendFailureListener failures, IntFunction<Entry> last) {
    this.channel = channel;
    this.failures = failures;
    this.last = last;
  }

  /**
   * Sends entries, in order, and empties the queue whatever happens.
   *
   * @param destination the rank they are for
   * @param entries touched by no other thread meanwhile
   */
  void write(int destination, Ring<Entry> entries) {
    int most = MOST_ENTRIES;
    int failed = 0;
    long pause = 0;
    try {
      while (!entries.isEmpty()) {
        try {
          int sent = sendFrame(destination, entries, most);
          drop(entries, sent);
          most = MOST_ENTRIES;
          failed = 0;
          pause = 0;
        } catch (OutOfMemoryError e) { // then nothing of the frame was sent
          Entry first = entries.peek();
          if (most > 1) {
            most = 1;
          } else if (++failed < ATTEMPTS || Memory.mayReturn(first.payload().length())) {
            pause = Memory.pause(pause);
          } else {
            drop(entries, 1);
            most = MOST_ENTRIES;
            failed = 0;
            reportUnsent(destination, first, e);
          }
        }
      }
    } catch (Throwable e) {
      reportFailed(destination, e);
    } finally {
      drop(entries, entries.size()); // of frames that could not be sent
    }
  }

  private static void drop(Ring<Entry> entries, int count) {
    for (int i = 0; i < count; i++) {
      entries.poll().payload().giveBack();
    }
  }

  private void reportUnsent(int destination, Entry entry, OutOfMemoryError failure) {
    long pause = 0;
    while (true) {
      try {
        failures.unsent(destination, entry, failure);
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  private void reportFailed(int destination, Throwable why) {
    long pause = 0;
    while (true) {
      try {
        LOG.debug("A frame for rank {} could not be sent", destination, why);
        failures.sendFailed(
            destination,
            why instanceof RuntimeException known
                ? known
                : new CommunicatorException(why.toString(), why));
        return;
      } catch (OutOfMemoryError e) {
        pause = Memory.pause(pause);
      }
    }
  }

  /** Returns how many entries were sent: they stay in the queue. */
  private int sendFrame(int destination, Ring<Entry> entries, int most) {
    List<Entry> frame = new ArrayList<>(Math.min(ROOM, Math.min(most, entries.size()) + 1));
    int count = fill(frame, entries, most);
    Entry end = last.apply(destination);
    if (end != null) {
      frame.add(count == 1 ? 0 : count, end); // a lone payload, if it is long, stays last
    }
    List<ByteBuffer> parts = Frame.encodeInParts(frame);
    if (parts.size() == 1) {
      channel.send(destination, FrameSender.TAG, parts.get(0));
    } else {
      channel.sendParts(destination, FrameSender.TAG, parts);
    }
    return count;
  }

  private static int fill(List<Entry> frame, Ring<Entry> entries, int most) {
    int available = Math.min(most, entries.size());
    Entry first = entries.peek();
    frame.add(first);
    if (first.payload().hasAttachment()) {
      return 1;
    }
    long length = Frame.length(first);
    int count = 1;
    while (count < available) {
      Entry next = entries.get(count);
      length += Frame.length(next);
      if (next.payload().hasAttachment() || length > FRAME_BYTES) {
        break;
      }
      frame.add(next);
      count++;
    }
    return count;
  }
}
