package dev.mpipool.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.protocol.FailureReport.Origin;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.Serializer;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class FailureReportTest {

  private static final Serializer SERIALIZER =
      new JavaSerializer(FailureReportTest.class.getClassLoader());

  private static final class Unserializable extends RuntimeException {
    private static final long serialVersionUID = 1;

    @SuppressWarnings("unused") // it is what cannot be written
    final Object lock = new Object();

    Unserializable(String message) {
      super(message);
    }
  }

  /** Fails with an error wherever it is looked at. */
  private static final class Hostile extends RuntimeException {
    private static final long serialVersionUID = 1;

    @Override
    public String getMessage() {
      throw new AssertionError("getMessage");
    }

    @Override
    public void printStackTrace(PrintWriter out) {
      throw new AssertionError("printStackTrace");
    }

    private void writeObject(ObjectOutputStream out) {
      throw new AssertionError("writeObject");
    }
  }

  @ParameterizedTest
  @EnumSource(Origin.class)
  void anExceptionTravelsWithItsTypeMessageStackAndItself(Origin origin) throws Exception {
    Exception thrown = new IllegalStateException("größer als 5 €", new IOException("below"));

    FailureReport report =
        FailureReport.decode(FailureReport.of(origin, thrown, SERIALIZER).encode());

    assertThat(report.origin()).isEqualTo(origin);
    assertThat(report.type()).isEqualTo("java.lang.IllegalStateException");
    assertThat(report.message()).isEqualTo("größer als 5 €");
    assertThat(report.stack()).contains("FailureReportTest").contains("IOException: below");
    assertThat(SERIALIZER.decode(report.exception()))
        .isInstanceOf(IllegalStateException.class)
        .extracting(e -> ((Exception) e).getStackTrace())
        .isEqualTo(thrown.getStackTrace());
  }

  @Test
  void anExceptionThatCannotTravelLeavesItsText() throws Exception {
    FailureReport sent = FailureReport.of(Origin.TASK, new Unserializable("text"), SERIALIZER);
    FailureReport report = FailureReport.decode(sent.encode());

    assertThat(report.exception()).isNull();
    assertThat(report.type()).isEqualTo(Unserializable.class.getName());
    assertThat(report.message()).isEqualTo("text");
    assertThat(report.stack()).contains("Unserializable: text");
  }

  @Test
  void aMissingMessageStaysMissing() throws Exception {
    FailureReport sent = FailureReport.of(Origin.TASK, new RuntimeException(), SERIALIZER);

    assertThat(FailureReport.decode(sent.encode()).message()).isNull();
  }

  @Test
  void anExceptionWhoseOwnMethodsThrowErrorsStillArrivesByName() throws Exception {
    FailureReport sent = FailureReport.of(Origin.TASK, new Hostile(), SERIALIZER);
    FailureReport report = FailureReport.decode(sent.encode());

    assertThat(report.type()).isEqualTo(Hostile.class.getName());
    assertThat(report.message()).isNull();
    assertThat(report.exception()).isNull();
    assertThat(report.stack()).contains("Hostile");
  }

  @Test
  void everyTruncationIsRefused() {
    FailureReport report = FailureReport.of(Origin.TASK, new RuntimeException("m"), SERIALIZER);
    byte[] bytes = report.encode().array();
    for (int length = 0; length < bytes.length; length++) {
      ByteBuffer cut = ByteBuffer.wrap(Arrays.copyOf(bytes, length));
      assertThatThrownBy(() -> FailureReport.decode(cut)).isInstanceOf(IOException.class);
    }
  }

  @Test
  void randomDamageIsRefusedOrReadWithoutHarm() {
    Random random = new Random(5);
    FailureReport report =
        new FailureReport(Origin.TASK, "a.B", "text", "a.B: text", ByteBuffer.allocate(9));
    byte[] whole = report.encode().array();
    int refused = 0;
    for (int run = 0; run < 5_000; run++) {
      byte[] bytes = whole.clone();
      for (int hits = 1 + random.nextInt(3); hits > 0; hits--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      }
      try {
        FailureReport read = FailureReport.decode(ByteBuffer.wrap(bytes));
        assertThat(read.encode().remaining()).isLessThanOrEqualTo(2 * bytes.length);
      } catch (IOException e) {
        refused++;
      }
    }
    assertThat(refused).isBetween(1_000, 4_999);
  }

  @Test
  void aReportHoldsNoMonitorOfASharedErrorWhileItWaitsForTheJdk(@TempDir Path folder)
      throws Exception {
    Path providers = folder.resolve("providers");
    Files.writeString(
        providers,
        "security.provider.1=%s%nsecurity.provider.2=SUN%n"
            .formatted(SharedError.Late.class.getName()));
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djava.security.properties=" + providers,
                "-cp",
                System.getProperty("java.class.path"),
                SharedError.class.getName())
            .inheritIO()
            .start();
    try {
      assertThat(process.waitFor(50, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).isZero();
    } finally {
      process.destroyForcibly();
    }
  }
}
