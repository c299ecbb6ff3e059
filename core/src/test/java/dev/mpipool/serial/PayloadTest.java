package dev.mpipool.serial;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.memory.SpareArrays;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** When the array of a payload is left to others. */
class PayloadTest {

  /** No other test uses arrays of this length. */
  private static final int LENGTH = SpareArrays.SHORTEST + 7;

  private final byte[] array = new byte[LENGTH];

  @BeforeEach
  void noneIsSpare() {
    while (isSpare()) {
      // taken
    }
  }

  private static boolean isSpare() {
    return SpareArrays.exactly(LENGTH) != null;
  }

  @Test
  void theOwnerMayBeTheFirstOrTheLastToGiveAPayloadBack() {
    Payload payload = Payload.reusable(ByteBuffer.wrap(array));
    payload.lend();
    payload.giveBack(); // sent
    assertThat(isSpare()).isFalse();
    payload.lend();
    payload.giveBack(); // answered, and the second sending has not ended
    assertThat(isSpare()).isFalse();
    payload.giveBack();
    assertThat(isSpare()).isTrue();
    payload.giveBack();
    assertThat(isSpare()).isFalse();
  }

  @Test
  void otherPayloadsKeepTheirArrays() {
    Payload payload = Payload.of(ByteBuffer.wrap(array));
    payload.lend();
    payload.giveBack();
    payload.giveBack();
    assertThat(isSpare()).isFalse();
  }

  @Test
  void aReceivedPayloadLeavesItsArrayToOthersIfThatIsItsOwn() {
    ByteBuffer whole = ByteBuffer.wrap(array);
    Payload.of(whole.slice(0, LENGTH - 1)).discard();
    Payload.of(whole.slice(1, LENGTH - 1)).discard();
    Payload.of(whole, new byte[1]).discard();
    Payload.reusable(whole).discard();
    assertThat(isSpare()).isFalse();
    Payload.of(ByteBuffer.allocate(0), array).discard();
    assertThat(isSpare()).isTrue();
  }
}
