package dev.mpipool.device;

import java.nio.ByteBuffer;

/**
 * A message that has arrived before its receive was posted: an eager message with its bytes, an RTS
 * whose bytes are still at the sender, or a send of this rank to itself. The {@link Matcher}'s lock
 * guards {@code complete} and {@code claimant}.
 */
final class UnexpectedMessage {

  /** The connection that a message has arrived on. */
  interface Origin {

    /** Delivers a message to its receive, after the matcher has removed both. */
    void deliver(UnexpectedMessage message, RecvRequest recv);
  }

  final Envelope envelope;

  /** Null for a send of this rank to itself. */
  final Origin origin;

  /** EAGER, EAGER_SYNC or RTS. */
  final int kind;

  /** The sender's id of the message (RTS, EAGER_SYNC). */
  final int id;

  /** A send of this rank to itself that has not completed; else null. */
  final SendRequest own;

  byte[] staticPart;
  byte[] dynamicPart;

  /** Whether all bytes have arrived. An RTS is complete. */
  boolean complete;

  /** The receive that waits until the message is complete. */
  RecvRequest claimant;

  UnexpectedMessage(Envelope envelope, Origin origin, int kind, int id, SendRequest own) {
    this.envelope = envelope;
    this.origin = origin;
    this.kind = kind;
    this.id = id;
    this.own = own;
    this.complete = kind == Frame.RTS || own != null;
  }

  /** Allocates memory for the bytes. */
  void store() {
    staticPart = new byte[envelope.staticLength];
    dynamicPart = new byte[envelope.dynamicLength];
  }

  /** Copies the bytes of a send of this rank to itself, so that the send can complete. */
  void storeFrom(SendRequest send) {
    store();
    send.staticPart().get(staticPart);
    System.arraycopy(send.dynamic, 0, dynamicPart, 0, dynamicPart.length);
  }

  /** Copies the bytes into the memory of the receive. */
  void copyTo(RecvRequest recv) {
    if (own != null) {
      copy(recv, own.staticPart(), ByteBuffer.wrap(own.dynamic));
    } else {
      copy(recv, ByteBuffer.wrap(staticPart), ByteBuffer.wrap(dynamicPart));
    }
  }

  private void copy(RecvRequest recv, ByteBuffer fixed, ByteBuffer dynamic) {
    if (envelope.staticLength > 0) {
      recv.place(0, envelope.staticLength).put(fixed);
    }
    if (envelope.dynamicLength > 0) {
      recv.place(envelope.staticLength, envelope.dynamicLength).put(dynamic);
    }
  }
}
