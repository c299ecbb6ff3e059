package dev.mpipool.device;

import dev.mpipool.link.Hmac;
import java.nio.ByteBuffer;
import java.security.SecureRandom;

/**
 * The messages by which two ranks prove to each other that they know the job's secret. Nothing else
 * that a connection brings is read before. The rank that accepts the connection sends first, so
 * that a process outside the job learns a random number and nothing else:
 *
 * <pre>
 *   acceptor    CHALLENGE   magic (8)  nonce A (16)
 *   connector   HELLO       magic (8)  its rank (4)  acceptor's rank (4)  nonce C (16)  HMAC(key, 1 ...)  (32)
 *   acceptor    WELCOME     verdict (8)  HMAC(key, 2 verdict ...)  (32)
 * </pre>
 *
 * <p>Each HMAC covers its label (1 or 2), both nonces and both ranks, so neither can be replayed or
 * reflected. If two ranks connect to each other at the same time, the connection that the lower
 * rank has begun is kept, and the other one gets the verdict BUSY.
 */
final class Handshake {

  static final long MAGIC = 0x6d70_6970_6f6f_6c31L;
  static final long WELCOME = 0x5745_4c43_4f4d_4531L;
  static final long BUSY = 0x4255_5359_5f5f_5f31L;

  static final int NONCE = 16;
  static final int MAC = 32;
  static final int CHALLENGE_LENGTH = 8 + NONCE;
  static final int HELLO_LENGTH = 8 + 4 + 4 + NONCE + MAC;
  static final int WELCOME_LENGTH = 8 + MAC;

  private static final SecureRandom RANDOM = new SecureRandom();

  private Handshake() {}

  static byte[] nonce() {
    byte[] nonce = new byte[NONCE];
    RANDOM.nextBytes(nonce);
    return nonce;
  }

  static ByteBuffer challenge(byte[] nonce) {
    return ByteBuffer.allocate(CHALLENGE_LENGTH).putLong(MAGIC).put(nonce).flip();
  }

  static ByteBuffer hello(
      byte[] key, int connector, int acceptor, byte[] connectorNonce, byte[] acceptorNonce) {
    return ByteBuffer.allocate(HELLO_LENGTH)
        .putLong(MAGIC)
        .putInt(connector)
        .putInt(acceptor)
        .put(connectorNonce)
        .put(connectorProof(key, connector, acceptor, connectorNonce, acceptorNonce))
        .flip();
  }

  static byte[] connectorProof(
      byte[] key, int connector, int acceptor, byte[] connectorNonce, byte[] acceptorNonce) {
    return proof(key, 1, 0, connector, acceptor, connectorNonce, acceptorNonce);
  }

  static ByteBuffer welcome(
      byte[] key,
      long verdict,
      int connector,
      int acceptor,
      byte[] connectorNonce,
      byte[] acceptorNonce) {
    return ByteBuffer.allocate(WELCOME_LENGTH)
        .putLong(verdict)
        .put(acceptorProof(key, verdict, connector, acceptor, connectorNonce, acceptorNonce))
        .flip();
  }

  static byte[] acceptorProof(
      byte[] key,
      long verdict,
      int connector,
      int acceptor,
      byte[] connectorNonce,
      byte[] acceptorNonce) {
    return proof(key, 2, verdict, connector, acceptor, connectorNonce, acceptorNonce);
  }

  private static byte[] proof(
      byte[] key,
      int label,
      long verdict,
      int connector,
      int acceptor,
      byte[] connectorNonce,
      byte[] acceptorNonce) {
    ByteBuffer text =
        ByteBuffer.allocate(4 + 8 + 4 + 4 + 2 * NONCE)
            .putInt(label)
            .putLong(verdict)
            .putInt(connector)
            .putInt(acceptor)
            .put(connectorNonce)
            .put(acceptorNonce);
    return Hmac.sha256(key, text.array());
  }

  static byte[] bytes(ByteBuffer from, int at, int length) {
    byte[] result = new byte[length];
    from.get(at, result);
    return result;
  }
}
