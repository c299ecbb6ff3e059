package dev.mpipool.nativempi;

import dev.mpipool.memory.Memory;
import dev.mpipool.memory.SpareArrays;
import dev.mpipool.transport.Receiver;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;

/** A message that arrives in several pieces. */
final class Incoming {

  private final int source;
  private final long context;
  private final int tag;
  private final long total;
  private final byte[] data;
  private final byte[] attachment;

  /** How many bytes there is no memory for. */
  private final int missing;

  private long received;

  /**
   * Begins with a head.
   *
   * @throws OutOfMemoryError if there is no memory for the message, but may be some soon
   */
  Incoming(Slot head) {
    MemorySegment memory = head.memory;
    this.source = head.source;
    this.context = memory.get(ValueLayout.JAVA_LONG, Wire.CONTEXT);
    this.tag = memory.get(ValueLayout.JAVA_INT, Wire.TAG);
    int length = memory.get(ValueLayout.JAVA_INT, Wire.LENGTH);
    int ofAttachment = memory.get(ValueLayout.JAVA_INT, Wire.ATTACHMENT);
    this.total = (long) length + ofAttachment;
    int first = head.bytes - Wire.HEADER_BYTES;
    byte[] all = null;
    byte[] end = null;
    try {
      all = room(length);
      end = ofAttachment == 0 ? null : room(ofAttachment);
    } catch (OutOfMemoryError e) {
      if (total == first || Memory.mayReturn(total)) {
        throw e;
      }
      all = new byte[Math.min(first, length)];
      end = null;
    }
    this.data = all;
    this.attachment = end;
    this.missing = (int) (total - all.length - (end == null ? 0 : end.length));
    receive(memory, Wire.HEADER_BYTES, first);
  }

  private static byte[] room(int length) {
    byte[] spare = SpareArrays.exactly(length);
    if (spare != null) {
      return spare;
    }
    Memory.require(length);
    return new byte[length];
  }

  /** Takes the next piece, unless everything is there already. */
  void add(Slot piece) {
    if (!isComplete()) {
      receive(piece.memory, 0, piece.bytes);
    }
  }

  /** Copies bytes; those that there is no memory for are dropped. */
  private void receive(MemorySegment memory, long at, int bytes) {
    long ofData = Math.max(0, Math.min(bytes, data.length - received));
    if (ofData > 0) {
      MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, at, data, (int) received, (int) ofData);
    }
    if (ofData < bytes && attachment != null) {
      int offset = (int) (received + ofData - data.length);
      MemorySegment.copy(
          memory, ValueLayout.JAVA_BYTE, at + ofData, attachment, offset, (int) (bytes - ofData));
    }
    received += bytes;
  }

  boolean isComplete() {
    return received == total;
  }

  void deliver(Receiver receiver) {
    receiver.received(
        source, context, tag, ByteBuffer.wrap(data), missing == 0 ? attachment : null, missing);
  }
}
