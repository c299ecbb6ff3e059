package dev.mpipool.pool;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Where functions on local workers and a test meet, by number: they share nothing else with it. */
final class Gate {

  private static final AtomicInteger NEXT = new AtomicInteger();
  private static final Map<Integer, Gate> GATES = new ConcurrentHashMap<>();

  private final CountDownLatch entered = new CountDownLatch(1);
  private final CountDownLatch opened = new CountDownLatch(1);
  private final CountDownLatch interrupted = new CountDownLatch(1);

  private Gate() {}

  /** The number of a new gate, which a function can capture. */
  static int make() {
    int number = NEXT.incrementAndGet();
    GATES.put(number, new Gate());
    return number;
  }

  /** For functions: waits until the gate is opened; an interrupt ends the waiting. */
  static int pass(int number) throws InterruptedException {
    Gate gate = GATES.get(number);
    gate.entered.countDown();
    try {
      await(gate.opened, "The gate stays closed");
    } catch (InterruptedException e) {
      gate.interrupted.countDown();
      throw e;
    }
    return number;
  }

  private static void await(CountDownLatch latch, String otherwise) throws InterruptedException {
    if (!latch.await(25, TimeUnit.SECONDS)) {
      throw new IllegalStateException(otherwise);
    }
  }

  /** For tests: waits until a function is inside. */
  static void awaitEntered(int number) throws InterruptedException {
    await(GATES.get(number).entered, "Nobody has come");
  }

  /** For tests: waits until a function that was inside has been interrupted. */
  static void awaitInterrupted(int number) throws InterruptedException {
    await(GATES.get(number).interrupted, "Nobody was interrupted");
  }

  static void open(int number) {
    GATES.get(number).opened.countDown();
  }
}
