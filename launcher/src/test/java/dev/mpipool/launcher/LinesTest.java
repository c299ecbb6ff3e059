package dev.mpipool.launcher;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class LinesTest {
  @Test
  void onlyWholeLinesComeOutBeforeTheEnd() {
    Lines lines = new Lines(new byte[0]);
    assertThat(add(lines, "one\ntw")).isEqualTo("one\n");
    assertThat(add(lines, "o")).isEmpty();
    assertThat(add(lines, "\n\nthree")).isEqualTo("two\n\n");
    assertThat(text(lines.takeAll())).isEqualTo("three");
    assertThat(lines.takeAll()).isEmpty();
  }

  @Test
  void aTagStandsBeforeEachLineHoweverItArrives() {
    Lines lines = new Lines(Tags.of(7));
    assertThat(add(lines, "o") + add(lines, "ne\n\ntw") + add(lines, "o\n") + add(lines, "rest"))
        .isEqualTo("[7] one\n[7] \n[7] two\n");
    assertThat(text(lines.takeAll())).isEqualTo("[7] rest");
  }

  @Test
  void anEndlessLineIsHandedOutInPieces() {
    Lines lines = new Lines(new byte[0]);
    String piece = "x".repeat(1 << 16);
    long out = 0;
    for (int i = 0; i < 100; i++) {
      out += add(lines, piece).length();
    }
    assertThat(out).isGreaterThan(80L << 16);
  }

  @Test
  void aPumpPassesAnyBytesOn() throws Exception {
    byte[] bytes = new byte[3_000_000];
    new Random(1).nextBytes(bytes);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    LinePump pump =
        new LinePump(
            "pump",
            new ByteArrayInputStream(bytes),
            new LineSink(out),
            new byte[0],
            UnaryOperator.identity());
    pump.start();
    pump.drained();
    assertThat(out.toByteArray()).isEqualTo(bytes);
  }

  @Test
  void anOpenLineOfOneWriterDoesNotRunIntoTheNext() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    LineSink sink = new LineSink(out);
    sink.write("a", "unfinished".getBytes(ISO_8859_1));
    sink.write("b", "line\n".getBytes(ISO_8859_1));
    sink.write("c", "last".getBytes(ISO_8859_1));
    assertThat(out.toString(ISO_8859_1)).isEqualTo("unfinished\nline\nlast");
  }

  private static String add(Lines lines, String text) {
    byte[] bytes = text.getBytes(ISO_8859_1);
    lines.add(bytes, 0, bytes.length);
    return text(lines.takeWhole());
  }

  private static String text(byte[] bytes) {
    return new String(bytes, ISO_8859_1);
  }
}
