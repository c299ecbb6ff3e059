package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.comm.Message;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What others are told of a pool, they are told while every thread can use the dispatcher. */
@Timeout(60)
class EffectsTest {

  /** Whatever breaks a pool of one worker, or ends it. */
  static Stream<Arguments> ends() {
    return Stream.of(
        end("lost", desk -> desk.dispatcher.workerLost(1, "staged")),
        end("excluded", desk -> desk.dispatcher.exclude(1, "staged")),
        end("left", desk -> desk.receive(1, new Entry(EntryKind.LEFT, 0))),
        end(
            "not a frame",
            desk -> desk.dispatcher.received(new Message(1, 0, ByteBuffer.wrap(new byte[] {99})))),
        end("forbidden entry", desk -> desk.receive(1, new Entry(EntryKind.OPEN, 0))),
        end(
            "part of a number",
            desk -> desk.receive(1, new Entry(EntryKind.RETURNED, 0, ByteBuffer.allocate(3)))),
        end("broken", desk -> desk.dispatcher.breakDown("staged", null)),
        end("shut down", desk -> desk.dispatcher.shutdownNow()));
  }

  private static Arguments end(String name, Consumer<Desk> stimulus) {
    return Arguments.of(name, stimulus);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("ends")
  void anotherThreadCanUseTheDispatcherWhileASourceIsTold(String name, Consumer<Desk> stimulus)
      throws Exception {
    Desk desk = new Desk(1);
    CompletableFuture<Integer> seen = new CompletableFuture<>();
    desk.dispatcher.addSource(
        new TaskSource() {
          @Override
          public void poolShutDown() {}

          @Override
          public void poolEnded(Throwable why) {
            try {
              CompletableFuture<Integer> other =
                  CompletableFuture.supplyAsync(desk.dispatcher::size);
              seen.complete(other.get(5, TimeUnit.SECONDS));
            } catch (Exception e) {
              seen.completeExceptionally(e);
            }
          }
        });
    desk.submit("a");
    stimulus.accept(desk);

    assertThat(seen.get(20, TimeUnit.SECONDS)).isBetween(0, 1);
  }
}
