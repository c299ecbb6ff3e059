package dev.mpipool.link;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;

/**
 * The HMAC of RFC 2104, built from the JDK's SHA-256: looking up {@code javax.crypto.Mac} costs a
 * JVM 100 ms.
 */
public final class Hmac {

  private static final int BLOCK = 64;

  private Hmac() {}

  /**
   * HMAC-SHA256.
   *
   * @param key of any length
   * @param text of any length
   * @return 32 bytes
   */
  public static byte[] sha256(byte[] key, byte[] text) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      byte[] block = Arrays.copyOf(key.length > BLOCK ? sha.digest(key) : key, BLOCK);
      sha.update(xor(block, 0x36));
      byte[] inner = sha.digest(text);
      sha.update(xor(block, 0x5c));
      return sha.digest(inner);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private static byte[] xor(byte[] block, int pad) {
    byte[] result = new byte[block.length];
    for (int i = 0; i < block.length; i++) {
      result[i] = (byte) (block[i] ^ pad);
    }
    return result;
  }
}
