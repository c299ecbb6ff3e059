package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.mpipool.memory.ForgetsShortMemory;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.EntryKind;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Memory runs out once, at each message to a worker in turn: everything ends as it does with enough
 * memory, and no worker hears anything twice.
 */
@Timeout(120)
class ShortMemoryTest {

  /** What a group of two returns. */
  private static final String TOGETHER = "[right, right]";

  /** What happens in a pool; its result is what the user sees. */
  private interface Story {
    List<String> tell(Desk desk, Workers workers) throws Exception;
  }

  /** Workers that answer once they may, and else do what main asks. */
  private static final class Workers {
    private final Desk desk;
    private final Map<Integer, List<Desk.Sent>> held = new TreeMap<>();
    private final List<String> once = new ArrayList<>();
    private boolean answering;
    private int dead;

    Workers(Desk desk) {
      this.desk = desk;
    }

    void answer(Callable<Boolean> until) {
      answering = true;
      until(until);
    }

    void until(Callable<Boolean> condition) {
      await()
          .pollInSameThread()
          .pollDelay(Duration.ZERO)
          .pollInterval(Duration.ofMillis(1))
          .atMost(Duration.ofSeconds(20))
          .until(
              () -> {
                step();
                return condition.call();
              });
    }

    /** The ranks that hold a part of a group. */
    List<Integer> members() {
      return held.keySet().stream()
          .filter(rank -> held.get(rank).stream().anyMatch(t -> t.kind() == EntryKind.GROUP))
          .toList();
    }

    private void step() throws Exception {
      for (Desk.Sent sent : desk.news()) {
        if (sent.rank() != dead) {
          hear(sent, held.computeIfAbsent(sent.rank(), rank -> new ArrayList<>()));
        }
      }
      for (int rank : List.copyOf(held.keySet())) {
        while (answering && !held.get(rank).isEmpty()) {
          Desk.Sent task = held.get(rank).remove(0);
          Object result = task.kind() == EntryKind.TASK ? Desk.called(task.body()) : "right";
          desk.answer(rank, task.id(), result);
        }
      }
    }

    private void hear(Desk.Sent sent, List<Desk.Sent> tasks) {
      int rank = sent.rank();
      switch (sent.kind()) {
        case TASK, CHUNK, GROUP -> {
          tasks.add(sent);
          once.add("%d %s %d".formatted(rank, sent.kind(), sent.id()));
        }
        case CANCEL -> {
          boolean begun = !tasks.isEmpty() && tasks.get(0).id() == sent.id();
          boolean drops = !begun || tasks.get(0).kind() == EntryKind.GROUP;
          if (drops && tasks.removeIf(task -> task.id() == sent.id())) {
            desk.receive(rank, new Entry(EntryKind.DROPPED, sent.id()));
          }
        }
        case RECALL -> {
          int most = Math.min(sent.body().getInt(0), Math.max(0, tasks.size() - 1));
          ByteBuffer numbers = ByteBuffer.allocate(most * Long.BYTES);
          while (numbers.hasRemaining()) {
            numbers.putLong(tasks.remove(tasks.size() - 1).id());
          }
          desk.receive(rank, new Entry(EntryKind.RETURNED, 0, numbers.flip()));
        }
        case RELEASE -> {
          once.add(rank + " RELEASE");
          desk.gone(rank);
        }
        case PING -> desk.receive(rank, new Entry(EntryKind.PONG, 0));
        case EXCLUDED -> {} // which may be said again
        default -> once.add("%d %s %d".formatted(rank, sent.kind(), sent.id()));
      }
    }
  }

  private static void endsTheSameWhereverMemoryRunsOut(int workers, Story story) throws Exception {
    Desk calm = new Desk(workers);
    List<String> expected = tell(calm, story);
    int posts = calm.posts();
    assertThat(posts).isGreaterThan(workers);
    for (int i = 1; i <= posts; i++) {
      Desk desk = new Desk(workers);
      desk.failAtPost(i);
      assertThat(tell(desk, story)).as("without memory for message %d", i).isEqualTo(expected);
      new ForgetsShortMemory().afterEach(null);
    }
  }

  private static List<String> tell(Desk desk, Story story) throws Exception {
    Workers workers = new Workers(desk);
    desk.dispatcher.watch(Duration.ofMillis(100), rank -> System.nanoTime());
    List<String> outcome = story.tell(desk, workers);
    desk.dispatcher.shutdown();
    workers.answer(() -> desk.dispatcher.isTerminated());
    assertThat(workers.once).doesNotHaveDuplicates();
    return outcome;
  }

  private static List<Future<?>> submit(Desk desk, int tasks) throws Exception {
    List<Future<?>> futures = new ArrayList<>();
    for (int i = 0; i < tasks; i++) {
      futures.add(desk.submit("task " + i));
    }
    return futures;
  }

  private static boolean areDone(List<Future<?>> futures) {
    return futures.stream().allMatch(Future::isDone);
  }

  private static List<String> outcomes(List<Future<?>> futures) throws Exception {
    List<String> outcomes = new ArrayList<>();
    for (Future<?> future : futures) {
      try {
        outcomes.add(String.valueOf(future.get(20, TimeUnit.SECONDS)));
      } catch (ExecutionException e) {
        outcomes.add(e.getCause().toString());
      }
    }
    return outcomes;
  }

  private static <T> CompletableFuture<List<T>> toAll(Desk desk) throws Exception {
    return desk.dispatcher.submitToAll(new Desk.Job("all"), "all");
  }

  private static <T> CompletableFuture<List<T>> group(Desk desk, int members) throws Exception {
    return desk.dispatcher.submitGroup(members, new Desk.Job("group"), "group");
  }

  @Test
  void tasks() throws Exception {
    endsTheSameWhereverMemoryRunsOut(
        2,
        (desk, workers) -> {
          List<Future<?>> futures = submit(desk, 6);
          futures.add(toAll(desk));
          workers.answer(() -> areDone(futures));
          return outcomes(futures);
        });
  }

  @Test
  void aLoss() throws Exception {
    endsTheSameWhereverMemoryRunsOut(
        3,
        (desk, workers) -> {
          List<Future<?>> futures = submit(desk, 8);
          futures.add(toAll(desk));
          desk.dispatcher.workerLost(3, "staged");
          workers.dead = 3;
          workers.answer(() -> areDone(futures));
          return outcomes(futures);
        });
  }

  @Test
  void aWorkerThatBreaksTheRules() throws Exception {
    endsTheSameWhereverMemoryRunsOut(
        3,
        (desk, workers) -> {
          List<Future<?>> futures = submit(desk, 8);
          desk.receive(2, new Entry(EntryKind.OPEN, 0));
          workers.answer(() -> areDone(futures));
          return outcomes(futures);
        });
  }

  @Test
  void aGroupWhoseMembersLoseEachOther() throws Exception {
    endsTheSameWhereverMemoryRunsOut(
        3,
        (desk, workers) -> {
          List<Future<?>> futures = submit(desk, 1);
          futures.add(group(desk, 2));
          workers.until(() -> workers.members().size() == 2 || futures.get(1).isDone());
          List<Integer> members = workers.members();
          if (members.size() == 2) {
            desk.receive(members.get(0), new Entry(EntryKind.UNDELIVERABLE, members.get(1)));
          }
          workers.answer(() -> areDone(futures));
          List<String> outcomes = outcomes(futures);
          outcomes.replaceAll( // without memory for one member, the group fails
              text -> text.equals("java.lang.OutOfMemoryError: staged") ? TOGETHER : text);
          return outcomes;
        });
  }

  @Test
  void aChunkAndItsFunction() throws Exception {
    endsTheSameWhereverMemoryRunsOut(
        2,
        (desk, workers) -> {
          TaskSource batch = new Desk.Batch();
          desk.dispatcher.addSource(batch);
          List<Future<?>> futures = new ArrayList<>();
          for (int i = 0; i < 4; i++) {
            TaskFuture<Object> chunk = desk.chunk();
            desk.dispatcher.submitFrom(batch, chunk);
            futures.add(chunk);
          }
          workers.answer(() -> areDone(futures));
          desk.dispatcher.removeSource(batch);
          return outcomes(futures);
        });
  }

  @Test
  void anEndInTheMidstOfWork() throws Exception {
    endsTheSameWhereverMemoryRunsOut(
        2,
        (desk, workers) -> {
          List<Future<?>> futures = submit(desk, 8);
          futures.add(toAll(desk));
          CompletableFuture<List<Unstarted>> end =
              CompletableFuture.supplyAsync(desk.dispatcher::shutdownNow);
          workers.until(end::isDone);
          workers.answer(() -> areDone(futures));
          return List.of(); // where no memory was left to cancel a task, it may have run
        });
  }
}
