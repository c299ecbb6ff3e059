package dev.mpipool.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ObjectInputStream;
import java.io.Serializable;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.commons.lang3.tuple.Pair;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a call captures and is passed can be collected once its result is there. */
@Timeout(120)
@ExtendWith(TwoWorkers.class)
class KeptValuesTest {

  /** Every probe of this process, those that workers have read included. */
  private static final ConcurrentLinkedQueue<WeakReference<Probe>> PROBES =
      new ConcurrentLinkedQueue<>();

  /** A value that a call needs. */
  private static final class Probe implements Serializable {
    private static final long serialVersionUID = 1;

    Probe() {
      PROBES.add(new WeakReference<>(this));
    }

    private void readObject(ObjectInputStream in) throws Exception {
      in.defaultReadObject();
      PROBES.add(new WeakReference<>(this));
    }

    int value() {
      return 1;
    }

    int fail() {
      throw new IllegalStateException("call");
    }

    int pass(int gate) throws InterruptedException {
      return Gate.pass(gate);
    }
  }

  /** Has a call run to its end, in some way; returns what the user holds then. */
  private interface Case {
    Object run(MPIPool pool) throws Exception;
  }

  private static final class Endless implements Iterable<Probe> {
    @Override
    public Iterator<Probe> iterator() {
      return Stream.generate(Probe::new).iterator();
    }
  }

  private static final Map<String, Case> CASES = new TreeMap<>();

  private static AsyncResult<?> done(AsyncResult<?> result) throws Exception {
    assertThat(result.await(25, TimeUnit.SECONDS)).isTrue();
    return result;
  }

  static {
    CASES.put("applyAsync", pool -> done(pool.applyAsync(Probe::value, new Probe())));
    CASES.put("applyAsync, failed", pool -> done(pool.applyAsync(Probe::fail, new Probe())));
    CASES.put(
        "applyAsync, cancelled",
        pool -> {
          int gate = Gate.make();
          Probe probe = new Probe();
          AsyncResult<Integer> result = pool.applyAsync(() -> probe.pass(gate));
          Gate.awaitEntered(gate);
          result.toCompletableFuture().cancel(true);
          return result;
        });
    CASES.put(
        "callbacks",
        pool -> {
          Probe probe = new Probe();
          return done(pool.applyAsync(() -> 1, value -> probe.value(), failure -> probe.value()));
        });
    CASES.put(
        "mapAsync", pool -> done(pool.mapAsync(Probe::value, List.of(new Probe(), new Probe()))));
    CASES.put("mapAsync, failed", pool -> done(pool.mapAsync(Probe::fail, List.of(new Probe()))));
    CASES.put(
        "mapAsync, cancelled",
        pool -> {
          int gate = Gate.make();
          AsyncResult<List<Integer>> result = pool.mapAsync(x -> x.pass(gate), new Endless());
          Gate.awaitEntered(gate);
          result.toCompletableFuture().cancel(true);
          return result;
        });
    CASES.put(
        "starmapAsync",
        pool ->
            done(
                pool.starmapAsync(
                    (a, b) -> a.value() + b.value(), List.of(Pair.of(new Probe(), new Probe())))));
    CASES.put(
        "imap",
        pool -> {
          var results = pool.imap(Probe::value, List.of(new Probe(), new Probe())).iterator();
          assertThat(results).toIterable().containsExactly(1, 1);
          return results;
        });
  }

  static Stream<String> cases() {
    return CASES.keySet().stream();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void ofADoneCallOnlyTheResultIsKept(String name) throws Exception {
    PROBES.clear();
    try (MPIPool pool = new MPIPool()) {
      Object held = CASES.get(name).run(pool);

      try {
        await()
            .atMost(Duration.ofSeconds(30))
            .untilAsserted(
                () -> {
                  System.gc();
                  assertThat(PROBES).allMatch(probe -> probe.get() == null);
                });
      } finally {
        Reference.reachabilityFence(held);
      }
    }
  }
}
