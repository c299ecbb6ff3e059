package dev.mpipool.device;

import dev.mpipool.link.Hmac;
import java.nio.ByteBuffer;
import java.security.SecureRandom;

/**
 * How two ranks prove to each other that they know the job's secret, before anything else that
 * comes from a connection is believed. The rank that accepts speaks first, so that a stranger
 * learns a random number and nothing else:
 *
 * <pre>
 *   accepts    CHALLENGE   magic (8)  nonce A (16)
 *   calls      HELLO       magic (8)  its rank (4)  called rank (4)  nonce C (16)  HMAC(key, "caller" ...)  (32)
 *   accepts    WELCOME     verdict (8)  HMAC(key, "called" verdict ...)  (32)
 * </pre>
 *
 * <p>Each HMAC covers its label, both nonces and both ranks, so neither can be replayed or
 * reflected. When two ranks call each other at once, the call of the lower rank counts: the other
 * one's gets the verdict BUSY.
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
      byte[] key, int caller, int called, byte[] callersNonce, byte[] calledNonce) {
    return ByteBuffer.allocate(HELLO_LENGTH)
        .putLong(MAGIC)
        .putInt(caller)
        .putInt(called)
        .put(callersNonce)
        .put(callersProof(key, caller, called, callersNonce, calledNonce))
        .flip();
  }

  static byte[] callersProof(
      byte[] key, int caller, int called, byte[] callersNonce, byte[] calledNonce) {
    return proof(key, 1, 0, caller, called, callersNonce, calledNonce);
  }

  static ByteBuffer welcome(
      byte[] key, long verdict, int caller, int called, byte[] callersNonce, byte[] calledNonce) {
    return ByteBuffer.allocate(WELCOME_LENGTH)
        .putLong(verdict)
        .put(calledProof(key, verdict, caller, called, callersNonce, calledNonce))
        .flip();
  }

  static byte[] calledProof(
      byte[] key, long verdict, int caller, int called, byte[] callersNonce, byte[] calledNonce) {
    return proof(key, 2, verdict, caller, called, callersNonce, calledNonce);
  }

  private static byte[] proof(
      byte[] key,
      int label,
      long verdict,
      int caller,
      int called,
      byte[] callersNonce,
      byte[] calledNonce) {
    ByteBuffer text =
        ByteBuffer.allocate(4 + 8 + 4 + 4 + 2 * NONCE)
            .putInt(label)
            .putLong(verdict)
            .putInt(caller)
            .putInt(called)
            .put(callersNonce)
            .put(calledNonce);
    return Hmac.sha256(key, text.array());
  }

  static byte[] bytes(ByteBuffer from, int at, int length) {
    byte[] result = new byte[length];
    from.get(at, result);
    return result;
  }
}
