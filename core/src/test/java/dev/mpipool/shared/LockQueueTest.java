package dev.mpipool.shared;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.shared.LockQueue.Request;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LockQueueTest {

  private final List<String> answers = new ArrayList<>();
  private final LockQueue queue =
      new LockQueue(
          new LockQueue.Answers() {
            @Override
            public void grant(Request request, boolean ownerDied) {
              answers.add(request.rank() + "." + request.id() + (ownerDied ? " died" : ""));
            }

            @Override
            public void refuse(Request request) {
              answers.add("not " + request.rank() + "." + request.id());
            }
          });

  private static Request of(int rank, long id) {
    return new Request(rank, id);
  }

  @Test
  void whoDiesWhileWaitingIsPassedOver() {
    queue.request(of(1, 1));
    queue.request(of(2, 1));
    queue.request(of(3, 1));
    queue.lost(2);
    queue.release(of(1, 1));
    assertThat(answers).containsExactly("1.1", "3.1");
  }

  @Test
  void aDeathIsToldToTheNextWhoReallyGetsTheLock() {
    queue.request(of(1, 1));
    queue.lost(1);
    queue.request(of(2, 1));
    queue.request(of(3, 1));
    queue.cancel(of(2, 1));
    queue.release(of(3, 1));
    queue.request(of(3, 2));
    assertThat(answers).containsExactly("1.1", "2.1 died", "3.1 died", "3.2");
  }

  @Test
  void whatIsNotHeldIsNotReleased() {
    queue.request(of(1, 1));
    queue.request(of(2, 1));
    queue.release(of(2, 1));
    queue.release(of(1, 2));
    queue.cancel(of(2, 1));
    queue.release(of(1, 1));
    queue.tryRequest(of(3, 1));
    queue.tryRequest(of(2, 2));
    assertThat(answers).containsExactly("1.1", "3.1", "not 2.2");
  }
}
