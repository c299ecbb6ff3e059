package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.Test;

class ExitCallsTest {

  /** Calls of every kind, among instructions of every length. */
  @SuppressWarnings("unused")
  static final class Calls {
    private Calls() {}

    static int call(int n, long wide, Object text) {
      switch (n) {
        case 0 -> System.exit(1);
        case 1 -> Runtime.getRuntime().exit(2);
        case 2 -> Runtime.getRuntime().halt(3);
        default -> wide += 70_000;
      }
      switch (n * 1000) {
        case 1_000_000 -> Runtime.getRuntime().exit(n);
        case 7 -> n += 300;
        default -> {}
      }
      IntConsumer first = System::exit;
      IntConsumer second = Runtime.getRuntime()::exit;
      IntConsumer third = code -> Runtime.getRuntime().halt(code);
      int[][] many = new int[n][n];
      boolean is = text instanceof Comparable<?> && text.hashCode() > n;
      return is ? many.length : Runtime.getRuntime().availableProcessors() + (int) wide;
    }
  }

  /** Defines one class of its own. */
  private static final class Loader extends ClassLoader {
    Class<?> define(byte[] bytes) {
      return defineClass(null, bytes, 0, bytes.length);
    }
  }

  private static byte[] bytes(Class<?> type) throws IOException {
    try (InputStream in =
        type.getClassLoader().getResourceAsStream(type.getName().replace('.', '/') + ".class")) {
      return in.readAllBytes();
    }
  }

  @Test
  void noCallIsLeftAndTheVerifierIsContent() throws Exception {
    byte[] redirected = ExitCalls.redirected(bytes(Calls.class), RankExit.class);
    assertThat(redirected).isNotNull();
    assertThat(ExitCalls.redirected(redirected, RankExit.class)).isNull();
    Class<?> defined = new Loader().define(redirected);
    var call = defined.getDeclaredMethod("call", int.class, long.class, Object.class);
    call.setAccessible(true);
    int processors = Runtime.getRuntime().availableProcessors();
    assertThat(call.invoke(null, 5, 0L, "")).isEqualTo(processors + 70_000);
  }

  @Test
  void aClassWithoutSuchCallsIsLeftAsItIs() throws IOException {
    assertThat(ExitCalls.redirected(bytes(ExitCalls.class), RankExit.class)).isNull();
    assertThat(ExitCalls.redirected(bytes(Lines.class), RankExit.class)).isNull();
  }
}
