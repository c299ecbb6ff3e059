package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.BrokenExecutorException;
import dev.mpipool.serial.TaskCall;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Which tasks a pool accepts. */
@Timeout(30)
class SubmissionTest {

  private final Desk desk = new Desk(2);
  private final Dispatcher dispatcher = desk.dispatcher;

  /** Runs an action whenever it is encoded. */
  private static final class Code implements Serializable {
    private static final long serialVersionUID = 1;
    private final transient Runnable encoded;

    Code(Runnable encoded) {
      this.encoded = encoded;
    }

    private void writeObject(ObjectOutputStream out) throws IOException {
      out.defaultWriteObject();
      encoded.run();
    }
  }

  /** A call of a code. */
  private record Call(Code code) implements TaskCall {
    @Override
    public List<Object> arguments() {
      return List.of();
    }

    @Override
    public Object call() {
      return null;
    }
  }

  /** A way to submit a call. */
  private interface Verb {
    void submit(Dispatcher dispatcher, TaskCall call) throws Exception;
  }

  static Stream<Verb> verbs() {
    return Stream.of(
        (dispatcher, call) -> dispatcher.submit(TaskFuture.of(dispatcher, call, "task")),
        (dispatcher, call) -> dispatcher.submitToAll(call, "task"),
        (dispatcher, call) -> dispatcher.submitGroup(2, call, "task"));
  }

  @ParameterizedTest
  @MethodSource("verbs")
  void aClosedPoolRejectsATaskWithoutEncodingIt(Verb verb) {
    dispatcher.shutdown();
    desk.news();
    Call call =
        new Call(
            new Code(
                () -> {
                  throw new AssertionError("was encoded");
                }));

    assertThatThrownBy(() -> verb.submit(dispatcher, call))
        .isExactlyInstanceOf(RejectedExecutionException.class);
    assertThat(desk.news()).isEmpty();
  }

  @ParameterizedTest
  @MethodSource("verbs")
  void aPoolThatIsClosedWhileATaskIsEncodedRejectsIt(Verb verb) throws Exception {
    Call call = new Call(new Code(dispatcher::shutdown));

    assertThatThrownBy(() -> verb.submit(dispatcher, call))
        .isExactlyInstanceOf(RejectedExecutionException.class);
    assertThat(desk.newsAsText()).containsExactly("1 RELEASE", "2 RELEASE");
  }

  @Test
  void aGroupThatLosesAWorkerWhileItIsEncodedFailsAtOnce() throws Exception {
    Call call = new Call(new Code(() -> dispatcher.workerLost(2, "staged")));

    assertThat(Desk.failure(dispatcher.submitGroup(2, call, "group")))
        .hasMessageContaining("needs 2 workers, and 1 are left");
  }

  private TaskFuture<Object> chunk(TaskSource source) {
    TaskFuture<Object> chunk = desk.chunk();
    dispatcher.submitFrom(source, chunk);
    return chunk;
  }

  @Test
  void aChunkOfABrokenPoolFailsAsThePoolDid() {
    Desk.Batch source = new Desk.Batch();
    dispatcher.addSource(source);
    dispatcher.breakDown("staged", null);

    assertThat(Desk.failure(chunk(source))).isInstanceOf(BrokenExecutorException.class);
    assertThat(desk.news()).isEmpty();
  }

  @Test
  void aChunkOfABatchThatHasEndedIsCancelled() throws Exception {
    Desk.Batch source = new Desk.Batch();
    dispatcher.addSource(source);
    dispatcher.removeSource(source);
    TaskFuture<Object> chunk = chunk(source);

    assertThatThrownBy(() -> Desk.result(chunk)).isInstanceOf(CancellationException.class);
    assertThat(desk.news()).isEmpty();
  }
}
