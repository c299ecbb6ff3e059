package dev.mpipool.serial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.SerializableCallable;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class CallCodecTest {

  private final CallCodec codec =
      new CallCodec(new LeanSerializer(new JavaSerializer(CallCodecTest.class.getClassLoader())));

  private record Call(SerializableCallable<?> code, int shape, List<Object> arguments)
      implements TaskCall {
    @Override
    public Object call() throws Exception {
      return code.call();
    }
  }

  private Payload encode(SerializableCallable<?> code, int shape, Object... arguments)
      throws Exception {
    return codec.encode(new Call(code, shape, List.of(arguments))).payload();
  }

  @Test
  void aLambdaThatCapturesNothingIsTakenApartOnce() throws Exception {
    SerializableCallable<Integer> bare = () -> 1;

    assertThat(encode(bare, 0)).isSameAs(encode(bare, 0));
    assertThat(encode(bare, 0).length()).isLessThan(16);
  }

  @Test
  void whatElseACallConsistsOfIsInIt() throws Exception {
    SerializableCallable<Integer> bare = () -> 1;
    encode(bare, 0);

    assertThat(encode(bare, 1)).isNotEqualTo(encode(bare, 0));
    assertThat(encode(bare, 0, "a")).isNotEqualTo(encode(bare, 0, "b"));
  }

  @Test
  void whatALambdaCapturesIsWrittenEachTime() throws Exception {
    int[] counter = {1};
    SerializableCallable<Integer> counts = () -> counter[0];
    Payload before = encode(counts, 0);
    counter[0]++;

    assertThat(encode(counts, 0)).isNotEqualTo(before);
  }

  @Tag("slow")
  @Test
  void ofACallThatIsTooLongItIsSaidHowLongItIs() {
    long half = Runtime.getRuntime().maxMemory() * 55 / 100;
    long[] tooLong = new long[(int) (Math.min(half, Integer.MAX_VALUE + 1L) / Long.BYTES)];
    SerializableCallable<Integer> bare = () -> 1;

    assertThatThrownBy(() -> encode(bare, 0, tooLong))
        .hasMessageStartingWith("it takes " + (tooLong.length * 8L) / 1_000_000);
  }
}
