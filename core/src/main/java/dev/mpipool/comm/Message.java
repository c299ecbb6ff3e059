package dev.mpipool.comm;

import java.nio.ByteBuffer;

/**
 * A received message.
 *
 * @param source the rank that sent it
 * @param tag the tag it was sent with
 * @param data its bytes, from position to limit; the receiver's own
 */
public record Message(int source, int tag, ByteBuffer data) {}
