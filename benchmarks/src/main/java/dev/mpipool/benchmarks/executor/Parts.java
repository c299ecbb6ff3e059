package dev.mpipool.benchmarks.executor;

import static java.util.concurrent.TimeUnit.SECONDS;

import dev.mpipool.SerializableCallable;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Measures a contestant, part by part, on main. Every result is checked, and every wait has an end.
 */
public final class Parts {

  static final int ITEMS = 1_000_000;

  private static final int SUBMITTING_THREADS = 8;
  private static final int LIMIT_SECONDS = 60;

  /** Of one processor, by compilers. */
  private static final double BUSY = 0.05;

  /** So many samples in a row. */
  private static final int SETTLED = 10;

  private static final int MOST_TASKS = 400_000;

  private final String name;
  private final Contestant contestant;
  private final Effort effort;
  private final Tasks tasks;

  /** What to measure; all if empty. */
  private final Set<String> parts;

  /** Null tasks a second, as the throughput part has found. */
  private double rate;

  private Parts(String name, Contestant contestant, Effort effort, Set<String> parts) {
    this.parts = parts;
    this.name = name;
    this.contestant = contestant;
    this.effort = effort;
    this.tasks = contestant.tasks();
  }

  /**
   * Measures the parts that are wanted.
   *
   * @param name the contestant's, one word
   * @param contestant what to measure
   * @param arguments the program's: the first says how long, and after a slash what (names of parts
   *     with commas between), as in {@code full/rows,payload}
   * @throws Exception if something fails, is wrong, or does not come in time
   */
  public static void measure(String name, Contestant contestant, String... arguments)
      throws Exception {
    new Parts(name, contestant, Effort.of(arguments), parts(arguments)).measure();
  }

  /** Whether a part is to be measured, by the arguments of the program. */
  static boolean wanted(String part, String... arguments) {
    Set<String> parts = parts(arguments);
    return parts.isEmpty() || parts.contains(part);
  }

  private static Set<String> parts(String... arguments) {
    String[] level = arguments.length == 0 ? new String[0] : arguments[0].split("/", 2);
    return level.length < 2 ? Set.of() : Set.of(level[1].split(",", -1));
  }

  private void measure() throws Exception {
    get(contestant.submit(tasks.one()));
    print(Lines.READY, 0);
    if (wanted("throughput") || wanted("metg")) {
      throughput();
      throughputOfEight();
    }
    if (wanted("map")) {
      map();
    }
    if (wanted("roundtrip")) {
      roundTrip();
    }
    if (wanted("payload")) {
      payload(1_000_000, "payload.1MB");
      payload(64_000_000, "payload.64MB");
    }
    if (wanted("rows")) {
      new ArrayRows(contestant, effort, this::print).measure();
    }
    if (wanted("metg")) {
      new Granularity(contestant, effort, rate).measure().forEach(this::print);
    }
    if (wanted("mixed")) {
      new MixedLengths(contestant, effort.mixedTasks).measure().forEach(this::print);
    }
    if (wanted("idle")) {
      idle();
    }
  }

  private boolean wanted(String part) {
    return parts.isEmpty() || parts.contains(part);
  }

  private void print(String key, double value) {
    Lines.print(name, key, value);
  }

  static <T> T get(Future<T> future) throws Exception {
    return future.get(LIMIT_SECONDS, SECONDS);
  }

  /** Something to measure: a larger figure is a better one. */
  @FunctionalInterface
  private interface Sample {
    double take() throws Exception;
  }

  /**
   * Until it has become no better in ten samples in a row, in which main's compiler had hardly
   * anything to do. It works for half a minute where some JVMs share two processors, most of it at
   * a few long methods, and slows the rest down meanwhile. (A compilation counts when it has ended;
   * so it is looked for in all ten.)
   */
  private void warmUp(Sample sample) throws Exception {
    long begin = System.nanoTime();
    double best = sample.take();
    long settledSince = System.nanoTime();
    long compiledThen = compilerMillis();
    int settled = 0;
    long elapsed = 0;
    while (elapsed < effort.warmUpNanos / 12
        || (elapsed < effort.warmUpNanos && settled < SETTLED)) {
      double now = sample.take();
      long time = System.nanoTime();
      elapsed = time - begin;
      long compiled = compilerMillis();
      boolean compiling = 1e6 * (compiled - compiledThen) > BUSY * (time - settledSince);
      if (now > best + Math.abs(best) / 50 || compiling) {
        settled = 0;
        settledSince = time;
        compiledThen = compiled;
      } else {
        settled++;
      }
      best = Math.max(best, now);
    }
  }

  private static long compilerMillis() {
    return ManagementFactory.getCompilationMXBean().getTotalCompilationTime();
  }

  /** Null tasks, one future each: all are submitted, then all are waited for. */
  private void throughput() throws Exception {
    rate = 1000;
    warmUp(this::nullTasks);
    for (int i = 0; i < effort.repetitions; i++) {
      print("throughput", nullTasks());
    }
  }

  /** As many as take the wanted time, judging by the time that so many took. */
  private int scaled(int count, double seconds) {
    return (int) Math.max(100, Math.min(MOST_TASKS, count * (effort.sampleNanos / 1e9) / seconds));
  }

  private double nullTasks() throws Exception {
    int count = scaled((int) rate, 1);
    long begin = System.nanoTime();
    submitAndCount(count);
    rate = count * 1e9 / (System.nanoTime() - begin);
    return rate;
  }

  private void submitAndCount(int count) throws Exception {
    List<Future<Integer>> futures = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      futures.add(contestant.submit(tasks.one()));
    }
    long sum = 0;
    for (Future<Integer> future : futures) {
      sum += get(future);
    }
    check(count, sum);
  }

  static void check(long expected, long found) {
    if (expected != found) {
      throw new IllegalStateException("wrong results: %d, not %d".formatted(found, expected));
    }
  }

  private void throughputOfEight() throws Exception {
    int each = scaled((int) rate, 1) / SUBMITTING_THREADS;
    ExecutorService callers = Executors.newFixedThreadPool(SUBMITTING_THREADS);
    try {
      for (int i = 0; i <= effort.repetitions; i++) {
        Callable<Void> caller =
            () -> {
              submitAndCount(each);
              return null;
            };
        List<Callable<Void>> calls = new ArrayList<>();
        for (int j = 0; j < SUBMITTING_THREADS; j++) {
          calls.add(caller);
        }
        long begin = System.nanoTime();
        for (Future<Void> done : callers.invokeAll(calls, LIMIT_SECONDS, SECONDS)) {
          done.get();
        }
        if (i > 0) {
          print("throughput8", each * SUBMITTING_THREADS * 1e9 / (System.nanoTime() - begin));
        }
      }
    } finally {
      callers.shutdownNow();
    }
  }

  private void map() throws Exception {
    if (contestant.map(1).isEmpty()) {
      return;
    }
    warmUp(this::mapped);
    for (int i = 0; i < effort.repetitions; i++) {
      print("map", mapped());
    }
  }

  private double mapped() throws Exception {
    long begin = System.nanoTime();
    long sum = contestant.map(ITEMS).getAsLong();
    double seconds = (System.nanoTime() - begin) / 1e9;
    check(ITEMS * (ITEMS + 1L) / 2, sum);
    return ITEMS / seconds;
  }

  /** The median of lone tasks: the next is submitted when the one before is done. */
  private void roundTrip() throws Exception {
    warmUp(() -> -loneTasks()[0]);
    for (int i = 0; i < effort.repetitions; i++) {
      double[] micros = loneTasks();
      print("roundtrip", micros[0]);
      print("roundtrip.p99", micros[1]);
    }
  }

  /** The median, and the time that 99 of 100 do not exceed, in microseconds. */
  private double[] loneTasks() throws Exception {
    long[] nanos = new long[2000];
    long begin = System.nanoTime();
    int count = 0;
    while (count < nanos.length && System.nanoTime() - begin < 4 * effort.sampleNanos) {
      long start = System.nanoTime();
      check(1, get(contestant.submit(tasks.one())));
      nanos[count++] = System.nanoTime() - start;
    }
    Arrays.sort(nanos, 0, count);
    return new double[] {nanos[count / 2] / 1e3, nanos[count * 99 / 100] / 1e3};
  }

  /** The bandwidth of an array that goes there and comes back: twice its length in this time. */
  private void payload(int bytes, String key) throws Exception {
    byte[] data = new byte[bytes];
    for (int i = 0; i < bytes; i++) {
      data[i] = (byte) (i * 31);
    }
    int times = bytes > 10_000_000 ? 1 : 20;
    warmUp(() -> thereAndBack(data, times));
    for (int i = 0; i < effort.repetitions; i++) {
      print(key, thereAndBack(data, times));
    }
  }

  private double thereAndBack(byte[] data, int times) throws Exception {
    long begin = System.nanoTime();
    byte[] back = null;
    for (int j = 0; j < times; j++) {
      back = get(contestant.submit(tasks.echo(data)));
    }
    double seconds = (System.nanoTime() - begin) / 1e9 / times;
    check(0, Arrays.mismatch(data, back) + 1L);
    return 2 * data.length / seconds / 1e6;
  }

  /** The processor time of processes that have nothing to do, in percent of a processor. */
  private void idle() throws Exception {
    SerializableCallable<Long> ask = Tasks.PROCESSOR_NANOS;
    contestant.onEachWorker(ask);
    SECONDS.sleep(1);
    List<Long> before = contestant.onEachWorker(ask);
    long mainBefore = Tasks.processorNanos();
    long begin = System.nanoTime();
    SECONDS.sleep(effort.idleSeconds);
    double elapsed = System.nanoTime() - begin;
    double main = (Tasks.processorNanos() - mainBefore) / elapsed;
    List<Long> after = contestant.onEachWorker(ask);
    long most = 0;
    for (int i = 0; i < after.size(); i++) {
      most = Math.max(most, after.get(i) - before.get(i));
    }
    print("idle.main", 100 * main);
    print("idle.worker", 100 * most / elapsed);
  }
}
