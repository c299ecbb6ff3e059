package dev.mpipool.device;

import java.nio.ByteBuffer;

/**
 * A message that came before its receive: either its bytes (eager), or the right to ask for them
 * (announced), or a send of this very rank to itself. The matcher's lock guards what changes.
 */
final class Arrival {

  /** Where a message of another rank came from. */
  interface Origin {

    /** Gives the message to a receive. Neither of the two is anywhere else. */
    void deliver(Arrival arrival, RecvRequest recv);
  }

  final Envelope envelope;

  /** Where it came from; null for a send to oneself. */
  final Origin origin;

  /** EAGER, EAGER_SYNC or ANNOUNCE. */
  final int kind;

  /** What the sender calls it (ANNOUNCE, EAGER_SYNC). */
  final int id;

  /** A send to oneself that still waits for its receive. */
  final SendRequest own;

  byte[] staticPart;
  byte[] dynamicPart;

  /** Whether all bytes are here, and the receive that waits for that. */
  boolean complete;

  RecvRequest claimant;

  Arrival(Envelope envelope, Origin origin, int kind, int id, SendRequest own) {
    this.envelope = envelope;
    this.origin = origin;
    this.kind = kind;
    this.id = id;
    this.own = own;
    this.complete = kind == Frame.ANNOUNCE || own != null;
  }

  /** Makes room for the bytes. */
  void store() {
    staticPart = new byte[envelope.staticLength];
    dynamicPart = new byte[envelope.dynamicLength];
  }

  /** Takes the bytes of a send to oneself, so that the sender can go on. */
  void storeFrom(SendRequest send) {
    store();
    send.staticPart().get(staticPart);
    System.arraycopy(send.dynamic, 0, dynamicPart, 0, dynamicPart.length);
  }

  /** Puts the bytes where the receive wants them. */
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
