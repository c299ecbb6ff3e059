package dev.mpipool.benchmarks.executor;

import dev.mpipool.SerializableCallable;
import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.EncodedCall;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.SharedValue;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * The JDK's thread pool, with tasks and results that are turned into bytes and back as this
 * executor does it: what multicore could reach if messages cost nothing.
 */
public final class JdkPool implements Contestant {

  private final ExecutorService pool = Executors.newFixedThreadPool(WORKERS);
  private final LeanSerializer serializer =
      new LeanSerializer(new JavaSerializer(JdkPool.class.getClassLoader()));
  private final CallCodec codec = new CallCodec(serializer);
  private final Map<Long, Object> codes = new ConcurrentHashMap<>();

  /**
   * Measures.
   *
   * @param args the effort
   * @throws Exception if a measure fails
   */
  public static void main(String[] args) throws Exception {
    JdkPool contestant = new JdkPool();
    try {
      Parts.measure("jdk", contestant, args);
    } finally {
      contestant.pool.shutdownNow();
    }
  }

  @Override
  public Tasks tasks() {
    return Tasks.LAMBDAS;
  }

  @Override
  public <T> Future<T> submit(SerializableCallable<T> task) {
    try {
      EncodedCall encoded = codec.encode(new Call(task));
      @SuppressWarnings("unchecked") // the result is what the task returned
      Callable<T> run = () -> (T) run(encoded);
      return pool.submit(run);
    } catch (Exception e) {
      throw new IllegalArgumentException(e);
    }
  }

  private Object run(EncodedCall encoded) throws Exception {
    CallCodec.Call call =
        codec.decode(
            encoded.payload(),
            () -> code(encoded.code()),
            (shape, code, a, b, c) -> ((Callable<?>) code).call());
    ByteBuffer answer = serializer.encode(call.call());
    return serializer.decode(answer);
  }

  private Object code(SharedValue value) throws Exception {
    Object known = codes.get(value.number());
    if (known == null) {
      Object read = serializer.decode(value.encoded());
      known = codec.prepare(read, JdkPool.class.getClassLoader());
      codes.put(value.number(), known);
    }
    return known;
  }

  /** The threads wait for each other, so each has one. */
  @Override
  public <T> List<T> onEachWorker(SerializableCallable<T> task) throws Exception {
    CountDownLatch all = new CountDownLatch(WORKERS);
    List<Future<T>> futures = new ArrayList<>();
    for (int i = 0; i < WORKERS; i++) {
      futures.add(
          pool.submit(
              () -> {
                all.countDown();
                if (!all.await(30, TimeUnit.SECONDS)) {
                  throw new IllegalStateException("a worker did not come");
                }
                return task.call();
              }));
    }
    List<T> results = new ArrayList<>();
    for (Future<T> future : futures) {
      results.add(Parts.get(future));
    }
    return results;
  }
}
