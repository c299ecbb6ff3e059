package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Holds what a map in the order of insertion holds. */
class InFlightTasksTest {

  private final Desk desk = new Desk(1);
  private final InFlightTasks held = new InFlightTasks();

  private ScheduledTask task() {
    return desk.task();
  }

  @Test
  void whatIsNotThereIsNotTaken() {
    assertThat(held.remove(0)).isNull();
    assertThat(held.remove(7)).isNull();
    ScheduledTask task = task();
    held.add(7, task);

    assertThat(held.remove(6)).isNull();
    assertThat(held.remove(8)).isNull();
    assertThat(held.remove(7)).isSameAs(task);
    assertThat(held.remove(7)).isNull();
    assertThat(held.isEmpty()).isTrue();
  }

  @Test
  void oneThatStaysWhileAMillionPassNeedsNoMoreRoomThanItself() {
    ScheduledTask slow = task();
    ScheduledTask quick = task();
    held.add(1, slow);
    for (long i = 2; i < 1_000_000; i++) {
      held.add(i, quick);
      assertThat(held.remove(i) == quick).isTrue();
    }
    assertThat(held.room()).isLessThanOrEqualTo(16);
    assertThat(held.inOrder()).singleElement().isSameAs(slow);
  }

  @Test
  void theRoomForABurstIsGivenUpWhenItIsOver() {
    ScheduledTask task = task();
    for (long i = 1; i <= 1_000; i++) {
      held.add(i, task);
    }
    held.trim();
    assertThat(held.size()).isEqualTo(1_000);
    for (long i = 1; i <= 1_000; i++) {
      assertThat(held.remove(i)).isSameAs(task);
    }
    held.trim();

    assertThat(held.room()).isLessThanOrEqualTo(16);
    held.add(1_001, task);
    assertThat(held.remove(1_001)).isSameAs(task);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 16, 17, 1000})
  void isAsAMap(int most) {
    Random random = new Random(most);
    Map<Long, ScheduledTask> map = new LinkedHashMap<>();
    long next = 0;
    for (int i = 0; i < 20_000; i++) {
      if (map.size() < most && random.nextBoolean()) {
        next += 1 + random.nextInt(3);
        ScheduledTask task = task();
        map.put(next, task);
        held.add(next, task);
      } else {
        List<Long> there = new ArrayList<>(map.keySet());
        boolean strange = there.isEmpty() || random.nextInt(10) == 0;
        int which = random.nextInt(3) == 0 ? 0 : random.nextInt(Math.max(1, there.size()));
        long number = strange ? random.nextLong(next + 3) : there.get(which);
        assertThat(held.remove(number)).isSameAs(map.remove(number));
      }
      assertThat(held.size()).isEqualTo(map.size());
      assertThat(held.isEmpty()).isEqualTo(map.isEmpty());
      if (i % 100 == 0) {
        assertThat(held.inOrder()).containsExactlyElementsOf(map.values());
      }
    }
  }
}
