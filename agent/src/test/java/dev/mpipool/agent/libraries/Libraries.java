package dev.mpipool.agent.libraries;

import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.MoreExecutors;
import dev.mpipool.MPIExecutor;
import io.micrometer.core.instrument.binder.jvm.ExecutorServiceMetrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import kotlinx.coroutines.BuildersKt;
import kotlinx.coroutines.ExecutorsKt;
import org.springframework.scheduling.concurrent.ConcurrentTaskExecutor;

/** Uses of an executor by libraries, with plain lambdas; each gives what a task has returned. */
public final class Libraries {
  private static final AtomicInteger EFFECTS = new AtomicInteger();

  private Libraries() {}

  private static int onWorker(int value) {
    return MPIExecutor.currentRank() > 0 ? value : -value;
  }

  static Object completionService(ExecutorService pool) throws Exception {
    CompletionService<Integer> service = new ExecutorCompletionService<>(pool);
    service.submit(() -> onWorker(1));
    return service.poll(20, TimeUnit.SECONDS).get();
  }

  static Object guavaExecute(ExecutorService pool) throws Exception {
    MoreExecutors.listeningDecorator(pool).execute(() -> EFFECTS.set(onWorker(2)));
    return effect(pool);
  }

  /** What a task of execute has set, when it has: the classes of local workers are the same. */
  private static int effect(ExecutorService pool) throws Exception {
    pool.shutdown();
    pool.awaitTermination(20, TimeUnit.SECONDS);
    return EFFECTS.get();
  }

  static Object guavaSubmit(ExecutorService pool) throws Exception {
    return MoreExecutors.listeningDecorator(pool)
        .submit(() -> onWorker(3))
        .get(20, TimeUnit.SECONDS);
  }

  static Object guavaFutures(ExecutorService pool) throws Exception {
    return Futures.submit(() -> onWorker(3), pool).get(20, TimeUnit.SECONDS);
  }

  static Object micrometer(ExecutorService pool) throws Exception {
    return ExecutorServiceMetrics.monitor(new SimpleMeterRegistry(), pool, "pool")
        .submit(() -> onWorker(4))
        .get(20, TimeUnit.SECONDS);
  }

  static Object springExecute(ExecutorService pool) throws Exception {
    new ConcurrentTaskExecutor(pool).execute(() -> EFFECTS.set(onWorker(5)));
    return effect(pool);
  }

  static Object springSubmit(ExecutorService pool) throws Exception {
    return new ConcurrentTaskExecutor(pool).submit(() -> onWorker(6)).get(20, TimeUnit.SECONDS);
  }

  static Object springSubmitCompletable(ExecutorService pool) throws Exception {
    return new ConcurrentTaskExecutor(pool)
        .submitCompletable(() -> onWorker(7))
        .get(20, TimeUnit.SECONDS);
  }

  static Object kotlinCoroutine(ExecutorService pool) throws Exception {
    return BuildersKt.runBlocking(ExecutorsKt.from(pool), (scope, continuation) -> onWorker(8));
  }
}
