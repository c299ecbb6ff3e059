package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** What is left of an exception that cannot travel: frames and causes, for every kind of log. */
@Timeout(60)
@ExtendWith(LocalPools.class)
class RemoteTaskExceptionTest {

  static class ParseFailed extends RuntimeException {
    private static final long serialVersionUID = 1;

    @SuppressWarnings("unused") // it is what cannot be written
    final Object parser = new Object();

    ParseFailed(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** Fails wherever it is looked at. */
  static final class Hostile extends ParseFailed {
    private static final long serialVersionUID = 1;

    Hostile() {
      super("hostile", null);
    }

    @Override
    public String getMessage() {
      throw new IllegalStateException("getMessage");
    }

    @Override
    public StackTraceElement[] getStackTrace() {
      throw new AssertionError("getStackTrace");
    }

    @Override
    public synchronized Throwable getCause() {
      throw new IllegalStateException("getCause");
    }
  }

  /** Is read as something else. */
  static final class Resolved extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final String other;

    Resolved(String other) {
      super("resolved");
      this.other = other;
    }

    private Object readResolve() {
      return other;
    }
  }

  private static Object parse() {
    try {
      throw new IOException("disk quota exceeded");
    } catch (IOException e) {
      ParseFailed failed = new ParseFailed("cannot parse a.xml", e);
      failed.addSuppressed(new IllegalStateException("not closed"));
      throw failed;
    }
  }

  private static Object fail(int number) {
    return number == 1 ? parse() : number;
  }

  private static Throwable failure(Future<?> future) {
    return catchThrowable(() -> future.get(20, TimeUnit.SECONDS)).getCause();
  }

  private static String printed(Throwable e) {
    StringWriter text = new StringWriter();
    e.printStackTrace(new PrintWriter(text, true));
    return text.toString();
  }

  private static void expectAll(Throwable thrown) {
    assertThat(thrown)
        .isInstanceOf(RemoteTaskException.class)
        .hasMessage(ParseFailed.class.getName() + ": cannot parse a.xml");
    RemoteTaskException remote = (RemoteTaskException) thrown;
    assertThat(remote.remoteType()).isEqualTo(ParseFailed.class.getName());
    assertThat(remote.remoteStackTrace())
        .startsWith(ParseFailed.class.getName() + ": cannot parse a.xml")
        .contains("at dev.mpipool.RemoteTaskExceptionTest.parse(RemoteTaskExceptionTest.java:");
    StackTraceElement first = remote.getStackTrace()[0];
    assertThat(first.getClassName()).isEqualTo(RemoteTaskExceptionTest.class.getName());
    assertThat(first.getMethodName()).isEqualTo("parse");
    assertThat(first.getFileName()).isEqualTo("RemoteTaskExceptionTest.java");
    assertThat(first.getLineNumber()).isPositive();
    assertThat(remote.getCause())
        .isInstanceOf(RemoteTaskException.class)
        .hasMessage("java.io.IOException: disk quota exceeded")
        .hasNoCause();
    assertThat(remote.getCause().getStackTrace()[0].getMethodName()).isEqualTo("parse");
    assertThat(((RemoteTaskException) remote.getCause()).remoteStackTrace())
        .startsWith("java.io.IOException: disk quota exceeded")
        .contains("at dev.mpipool.RemoteTaskExceptionTest.parse(RemoteTaskExceptionTest.java:");
    assertThat(remote.getSuppressed())
        .singleElement()
        .isInstanceOf(RemoteTaskException.class)
        .extracting(Throwable::getMessage)
        .isEqualTo("java.lang.IllegalStateException: not closed");
    assertThat(printed(new Exception("outer", thrown)))
        .contains("Caused by: dev.mpipool.RemoteTaskException: " + ParseFailed.class.getName())
        .contains("\tat dev.mpipool.RemoteTaskExceptionTest.parse(RemoteTaskExceptionTest.java:")
        .contains("Caused by: dev.mpipool.RemoteTaskException: java.io.IOException: disk quota")
        .contains("Suppressed: dev.mpipool.RemoteTaskException: java.lang.IllegalStateException");
  }

  @Test
  void framesAndCausesArriveByEveryWay() throws Exception {
    SerializableFunction<Integer, Object> fails = RemoteTaskExceptionTest::fail;
    try (MPIExecutor executor = new MPIExecutor()) {
      Throwable alone = failure(executor.submit(() -> parse()));
      expectAll(alone);
      assertThat(((RemoteTaskException) alone).remoteStackTrace())
          .contains("class java.lang.Object is not serializable", "ParseFailed.parser");
      expectAll(failure(executor.submitToAll(() -> parse())));
      expectAll(failure(executor.submitGroup(2, own -> parse())));
      expectAll(catchThrowable(() -> executor.map(fails, List.of(0, 1, 2)).toList()).getCause());
      for (CompletableFuture<Object> future : executor.submitBatch(fails, List.of(1))) {
        expectAll(failure(future));
      }
      // it would travel, were it not for its cause
      Throwable whole =
          failure(executor.submit(() -> rethrow(new IllegalStateException("x", failed()))));
      assertThat(whole)
          .isInstanceOf(RemoteTaskException.class)
          .hasMessage("java.lang.IllegalStateException: x");
      expectAll(whole.getCause());
    }
    try (MPIExecutor executor = MPIExecutor.builder().initializer(() -> parse()).open()) {
      Throwable cause = catchThrowable(() -> executor.submit(() -> 1).get(20, TimeUnit.SECONDS));
      while (!(cause instanceof RemoteTaskException)) {
        cause = cause.getCause();
      }
      expectAll(cause);
    }
  }

  private static ParseFailed failed() {
    try {
      parse();
      throw new AssertionError();
    } catch (ParseFailed e) {
      return e;
    }
  }

  private static Object rethrow(RuntimeException e) {
    throw e;
  }

  private static Object circle() {
    ParseFailed inner = new ParseFailed("inner", null);
    ParseFailed outer = new ParseFailed("outer", inner);
    inner.addSuppressed(outer);
    throw outer;
  }

  private static Object chain(int links) {
    ParseFailed last = new ParseFailed("0", null);
    for (int i = 1; i < links; i++) {
      last = new ParseFailed(String.valueOf(i), last);
    }
    throw last;
  }

  private static Object tall() {
    ParseFailed tall = new ParseFailed("tall", null);
    StackTraceElement[] frames = new StackTraceElement[50_000];
    for (int i = 0; i < frames.length; i++) {
      frames[i] = new StackTraceElement("Tall", "at" + i, null, -1);
    }
    tall.setStackTrace(frames);
    throw tall;
  }

  @Test
  void circlesAndLongChainsAndExceptionsThatThrow() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      Throwable outer = failure(executor.submit(() -> circle()));
      assertThat(outer).hasMessageEndingWith("ParseFailed: outer");
      assertThat(outer.getCause()).hasMessageEndingWith("ParseFailed: inner");
      assertThat(outer.getCause().getSuppressed()).isEmpty();

      Throwable link = failure(executor.submit(() -> chain(1_000)));
      for (int i = 999; i > 900; i--) {
        assertThat(link).hasMessageEndingWith("ParseFailed: " + i);
        link = link.getCause();
      }
      assertThat(link).hasMessageEndingWith("ParseFailed: 900").hasNoCause();

      Throwable tall = failure(executor.submit(() -> tall()));
      assertThat(tall.getStackTrace()).hasSize(2_000);
      assertThat(tall.getStackTrace()[1_999].getMethodName()).isEqualTo("at1999");

      Throwable hostile = failure(executor.submit(() -> rethrow(new Hostile())));
      assertThat(hostile)
          .isInstanceOf(RemoteTaskException.class)
          .hasMessage(Hostile.class.getName())
          .hasNoCause();
    }
  }

  @Test
  void whatIsReadAsNoExceptionArrivesAsText() throws Exception {
    try (MPIExecutor executor = new MPIExecutor()) {
      for (String other : new String[] {null, "text"}) {
        Throwable failure = failure(executor.submit(() -> rethrow(new Resolved(other))));
        assertThat(failure)
            .isInstanceOf(RemoteTaskException.class)
            .hasMessage(Resolved.class.getName() + ": resolved");
        assertThat(((RemoteTaskException) failure).remoteStackTrace())
            .contains("there was no exception when it was read on main, but ")
            .contains(other == null ? "null" : "java.lang.String");
      }
      assertThat(
              catchThrowable(
                      () -> executor.map(x -> rethrow(new Resolved(x)), List.of("a")).toList())
                  .getCause())
          .isInstanceOf(RemoteTaskException.class);
    }
  }
}
