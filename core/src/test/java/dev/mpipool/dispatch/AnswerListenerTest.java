package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import dev.mpipool.BrokenExecutorException;
import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.memory.ForgetsShortMemory;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import dev.mpipool.protocol.Frame;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(ForgetsShortMemory.class)
@Timeout(30)
class AnswerListenerTest {

  static Stream<Throwable> failures() {
    return Stream.of(
        new CommunicatorException("staged", null), new IllegalStateException("staged"));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void whateverEndsReceivingFailsAllFutures(Throwable failure) throws Exception {
    failsAllFutures(failure);
  }

  @Test
  @Tag("slow") // memory may return for 10 s
  void memoryThatDoesNotReturnFailsAllFutures() throws Exception {
    failsAllFutures(new OutOfMemoryError("staged"));
  }

  private static void failsAllFutures(Throwable failure) throws Exception {
    Desk desk = new Desk(2);
    TaskFuture<Object> a = desk.submit("a");
    Communicator communicator = mock(Communicator.class);
    when(communicator.receive(anyInt(), anyInt())).thenThrow(failure);
    AnswerListener listener = new AnswerListener(communicator, desk.dispatcher);

    assertThat(Desk.failure(a)).isInstanceOf(BrokenExecutorException.class).hasRootCause(failure);
    assertThat(listener.awaitEnd(10_000)).isTrue();
  }

  @Test
  void itHandsMessagesOnUntilTheWorkersAreGone() throws Exception {
    Desk desk = new Desk(1);
    List<Communicator> ranks = LocalCommunicator.create(2);
    AnswerListener listener = new AnswerListener(ranks.get(0), desk.dispatcher);
    TaskFuture<Object> a = desk.submit("a");
    Entry answer = new Entry(EntryKind.RESULT, desk.nextTask(), desk.serializer.encode(5));
    ranks.get(1).send(0, 0, Frame.encode(List.of(answer)));
    assertThat(Desk.result(a)).isEqualTo(5);
    desk.dispatcher.shutdown();
    assertThat(listener.awaitEnd(1)).isFalse();
    ranks.get(1).send(0, 0, Frame.encode(List.of(new Entry(EntryKind.LEFT, 0))));

    assertThat(listener.awaitEnd(10_000)).isTrue();
  }
}
