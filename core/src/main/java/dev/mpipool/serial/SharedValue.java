package dev.mpipool.serial;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A value that a worker is sent once, before the first task that needs it.
 *
 * @param number unique among all pools of this process, as workers know it
 * @param encoded the value as bytes
 */
public record SharedValue(long number, ByteBuffer encoded) {

  private static final AtomicLong LAST = new AtomicLong();

  /**
   * A value with a new number.
   *
   * @param encoded the value as bytes
   */
  public SharedValue(ByteBuffer encoded) {
    this(nextNumber(), encoded);
  }

  /**
   * A number that no other value or group of this process has.
   *
   * @return from 1 on
   */
  public static long nextNumber() {
    return LAST.incrementAndGet();
  }
}
