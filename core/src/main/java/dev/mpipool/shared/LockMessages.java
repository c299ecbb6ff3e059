package dev.mpipool.shared;

import java.nio.ByteBuffer;
import java.util.Collection;

/** The messages of {@link LockService}, which describes them. */
final class LockMessages {

  static final byte REQUEST = 1;
  static final byte TRY = 2;
  static final byte CANCEL = 3;
  static final byte RELEASE = 4;
  static final byte GRANT = 5;
  static final byte REFUSE = 6;
  static final byte REPORT = 7;
  static final byte BYE = 8;
  static final byte DONE = 9;
  static final byte LOOK_AROUND = 10;
  static final byte ABANDON = 11;

  static final int ID_AT = 1;
  private static final int FLAG_AT = 9;

  private LockMessages() {}

  static ByteBuffer message(byte kind, long id) {
    return ByteBuffer.allocate(FLAG_AT + 1).put(0, kind).putLong(ID_AT, id);
  }

  static ByteBuffer grant(long id, boolean ownerDied) {
    return message(GRANT, id).put(FLAG_AT, (byte) (ownerDied ? 1 : 0));
  }

  /** Whether a grant tells that the previous owner died. */
  static boolean ownerDied(ByteBuffer grant) {
    return grant.get(FLAG_AT) == 1;
  }

  static ByteBuffer report(long held, Collection<Long> waiting) {
    ByteBuffer report = ByteBuffer.allocate(1 + Long.BYTES * (1 + waiting.size()));
    report.put(REPORT).putLong(held);
    waiting.forEach(report::putLong);
    return report.flip();
  }
}
