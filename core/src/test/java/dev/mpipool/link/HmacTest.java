package dev.mpipool.link;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class HmacTest {

  /** RFC 4231, test cases 2 and 6. */
  @Test
  void isTheStandardOne() {
    assertThat(hmac("Jefe".getBytes(StandardCharsets.UTF_8), "what do ya want for nothing?"))
        .isEqualTo("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    byte[] longKey = new byte[131];
    Arrays.fill(longKey, (byte) 0xaa);
    assertThat(hmac(longKey, "Test Using Larger Than Block-Size Key - Hash Key First"))
        .isEqualTo("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  }

  private static String hmac(byte[] key, String text) {
    byte[] mac = Hmac.sha256(key, text.getBytes(StandardCharsets.UTF_8));
    return HexFormat.of().formatHex(mac);
  }
}
