package dev.mpipool;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Where tasks of local workers and a test meet, by name: tasks share nothing else with it. */
final class Gate {

  private static final AtomicInteger NEXT = new AtomicInteger();
  private static final Map<Integer, Gate> GATES = new ConcurrentHashMap<>();

  private final CountDownLatch entered = new CountDownLatch(1);
  private final CountDownLatch opened = new CountDownLatch(1);

  private Gate() {}

  /** The number of a new gate, which a task can capture. */
  static int make() {
    int number = NEXT.incrementAndGet();
    GATES.put(number, new Gate());
    return number;
  }

  /** For tasks: waits until the gate is opened; an interrupt ends the waiting. */
  static int pass(int number) throws InterruptedException {
    Gate gate = GATES.get(number);
    gate.entered.countDown();
    if (!gate.opened.await(25, TimeUnit.SECONDS)) {
      throw new IllegalStateException("The gate stays closed");
    }
    return number;
  }

  /** For tests: waits until a task is inside. */
  static void awaitEntered(int number) throws InterruptedException {
    if (!GATES.get(number).entered.await(25, TimeUnit.SECONDS)) {
      throw new IllegalStateException("No task has come");
    }
  }

  static boolean entered(int number) {
    return GATES.get(number).entered.getCount() == 0;
  }

  static void open(int number) {
    GATES.get(number).opened.countDown();
  }
}
