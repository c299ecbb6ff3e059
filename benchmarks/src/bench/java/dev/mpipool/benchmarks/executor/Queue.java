package dev.mpipool.benchmarks.executor;

import dev.mpipool.MPIExecutor;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Submitting tasks that have to wait: nanoseconds to encode and queue one. */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 10)
@Measurement(iterations = 10)
@Fork(2)
public class Queue {

  private static final int TASKS = 100_000;

  private final CompletableFuture<?>[] futures = new CompletableFuture<?>[TASKS];
  private MPIExecutor executor;

  /** A pool whose workers do not answer. */
  @Setup(Level.Iteration)
  public void open() throws Exception {
    Desk desk = new Desk(Contestant.WORKERS, null, Contestant.WORKERS);
    executor = MPIExecutor.builder().communicator(desk).open();
  }

  /** Drops the tasks. */
  @TearDown(Level.Iteration)
  public void close() {
    executor.shutdownNow();
    executor.close();
  }

  /** Tasks that capture nothing. */
  @Benchmark
  @OperationsPerInvocation(TASKS)
  public Object submitQueued() {
    for (int i = 0; i < TASKS; i++) {
      futures[i] = executor.submit(() -> 1);
    }
    return futures;
  }
}
