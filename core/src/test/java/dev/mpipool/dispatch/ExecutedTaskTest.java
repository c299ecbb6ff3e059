package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.mpipool.protocol.FailureReport.Origin;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Isolated;

/** What becomes of the exception of a task whose future the user does not have. */
@Isolated // the handler and standard error are the process's
@Timeout(30)
class ExecutedTaskTest {

  private final Desk desk = new Desk(1);
  private final PrintStream err = System.err;
  private final Thread.UncaughtExceptionHandler before =
      Thread.getDefaultUncaughtExceptionHandler();

  @AfterEach
  void restore() {
    System.setErr(err);
    Thread.setDefaultUncaughtExceptionHandler(before);
  }

  private ExecutedTask execute(String name) throws Exception {
    ExecutedTask task = new ExecutedTask(desk.dispatcher, new Desk.Job(name), name);
    desk.dispatcher.submit(task);
    return task;
  }

  private String printed(ThrowingRunnable action) throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    System.setErr(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    action.run();
    return bytes.toString(StandardCharsets.UTF_8);
  }

  private interface ThrowingRunnable {
    void run() throws Exception;
  }

  private static void settle(ExecutedTask task) throws Exception {
    task.settled().handle((value, failure) -> null).get(20, TimeUnit.SECONDS);
  }

  @Test
  void theHandlerGetsTheException() throws Exception {
    List<Throwable> handled = new CopyOnWriteArrayList<>();
    Thread.setDefaultUncaughtExceptionHandler((thread, failure) -> handled.add(failure));
    ExecutedTask task = execute("a");
    String printed =
        printed(
            () -> {
              desk.fail(1, desk.nextTask(), Origin.TASK, new IllegalStateException("staged"));
              settle(task);
            });

    assertThat(handled).singleElement().isInstanceOf(IllegalStateException.class);
    assertThat(task).isCompletedExceptionally();
    assertThat(printed).isEmpty();
  }

  @Test
  void withoutAHandlerStandardErrorSaysTaskRankAndException() throws Exception {
    Thread.setDefaultUncaughtExceptionHandler(null);
    ExecutedTask task = execute("some task");
    String printed =
        printed(
            () -> {
              desk.fail(1, desk.nextTask(), Origin.TASK, new IllegalStateException("staged"));
              settle(task);
            });

    assertThat(printed)
        .startsWith(
            "Exception in task \"java.lang.String\" on rank 1 java.lang.IllegalStateException")
        .contains("staged");
  }

  @Test
  void aFailureThatNoRankReportedNamesNone() throws Exception {
    Thread.setDefaultUncaughtExceptionHandler(null);
    ExecutedTask task = execute("some task");
    String printed =
        printed(
            () -> {
              desk.dispatcher.workerLost(1, "staged");
              settle(task);
            });

    assertThat(printed)
        .startsWith("Exception in task \"java.lang.String\" dev.mpipool.")
        .contains("staged");
  }

  @Test
  void itIsSettledWhenTheHandlerHasReturned() throws Exception {
    CountDownLatch returns = new CountDownLatch(1);
    CountDownLatch called = new CountDownLatch(1);
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, failure) -> {
          called.countDown();
          try {
            returns.await(1, TimeUnit.SECONDS);
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        });
    ExecutedTask task = execute("a");
    desk.fail(1, desk.nextTask(), Origin.TASK, new IllegalStateException("staged"));
    assertThat(called.await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(task).isDone();
    assertThat(task.settled()).isNotDone();
    returns.countDown();
    settle(task);
  }

  @Test
  void aTaskThatSucceedsIsSettledAndItsResultDropped() throws Exception {
    ExecutedTask task = execute("a");
    desk.answer(1, desk.nextTask(), "result");
    await().until(task::isDone);
    settle(task);
    assertThat(task.getNow(null)).isNull();
  }

  @Test
  void theHandlerHearsNothingOfATaskThatShutdownNowReturned() throws Exception {
    List<Throwable> handled = new CopyOnWriteArrayList<>();
    Thread.setDefaultUncaughtExceptionHandler((thread, failure) -> handled.add(failure));
    ExecutedTask task = execute("a");
    task.drop();
    task.fail(new IllegalStateException("late"));
    settle(task);
    assertThat(handled).isEmpty();
    assertThat(task).isCancelled();
  }
}
