package dev.mpipool.ranks.programs;

import dev.mpipool.Batch;
import dev.mpipool.BatchBuilder;
import dev.mpipool.Broadcast;
import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.SerializableBiFunction;
import dev.mpipool.SerializableCallable;
import dev.mpipool.SerializableFunction;
import dev.mpipool.SerializableRunnable;
import dev.mpipool.SerializableTriFunction;
import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.MessageChannel;
import dev.mpipool.comm.RankLostListener;
import dev.mpipool.pool.MPIPool;
import dev.mpipool.pool.Pool;
import dev.mpipool.pool.Pools;
import dev.mpipool.shared.MPIBatch;
import dev.mpipool.shared.MPILock;
import dev.mpipool.shared.MPIShared;
import dev.mpipool.tasker.TaskFunction;
import dev.mpipool.tasker.Tasker;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BinaryOperator;
import java.util.function.Consumer;
import java.util.function.DoubleBinaryOperator;
import java.util.function.LongBinaryOperator;

/**
 * Calls each public method of everything that can be closed, once it is. Every rank prints how many
 * methods did as they should, and a line for each that did not.
 */
public final class AfterClose {

  /** An argument for each type of a parameter. */
  private static final Map<Class<?>, Object> ARGUMENTS =
      Map.ofEntries(
          Map.entry(int.class, 0),
          Map.entry(long.class, 1L),
          Map.entry(boolean.class, false),
          Map.entry(Object.class, new double[] {1}),
          Map.entry(long[].class, new long[] {0}),
          Map.entry(double[].class, new double[] {1}),
          Map.entry(byte[].class, new byte[] {1}),
          Map.entry(String.class, "text"),
          Map.entry(Path.class, Path.of("no-such-file")),
          Map.entry(Duration.class, Duration.ofSeconds(1)),
          Map.entry(TimeUnit.class, TimeUnit.SECONDS),
          Map.entry(ByteBuffer.class, ByteBuffer.allocate(1)),
          Map.entry(List.class, List.of(new byte[1])),
          Map.entry(Iterable.class, List.of()),
          Map.entry(Collection.class, List.of((SerializableCallable<Integer>) () -> 1)),
          Map.entry(MPIBatch.State.class, MPIBatch.State.OPEN),
          Map.entry(MPIBatch.State[].class, new MPIBatch.State[0]),
          Map.entry(BinaryOperator.class, (BinaryOperator<byte[]>) (a, b) -> a),
          Map.entry(DoubleBinaryOperator.class, (DoubleBinaryOperator) (a, b) -> a),
          Map.entry(LongBinaryOperator.class, (LongBinaryOperator) (a, b) -> a),
          Map.entry(RankLostListener.class, (RankLostListener) (rank, reason) -> {}),
          Map.entry(Consumer.class, (Consumer<Object>) value -> {}),
          Map.entry(Callable.class, (SerializableCallable<Integer>) () -> 1),
          Map.entry(Runnable.class, (SerializableRunnable) () -> {}),
          Map.entry(SerializableCallable.class, (SerializableCallable<Integer>) () -> 1),
          Map.entry(SerializableRunnable.class, (SerializableRunnable) () -> {}),
          Map.entry(SerializableFunction.class, (SerializableFunction<Object, Object>) a -> a),
          Map.entry(
              SerializableBiFunction.class,
              (SerializableBiFunction<Object, Object, Object>) (a, b) -> a),
          Map.entry(
              SerializableTriFunction.class,
              (SerializableTriFunction<Object, Object, Object, Object>) (a, b, c) -> a),
          Map.entry(TaskFunction.class, (TaskFunction<Object, Object>) a -> a));

  private static final Set<String> OF_EVERYTHING =
      Set.of("close", "toString", "equals", "hashCode", "getClass", "wait", "notify", "notifyAll");

  private static final Set<String> OF_COMMUNICATORS =
      Set.of(
          "rank",
          "size",
          "failureModel",
          "lastProgress",
          "callableFromAnyThread",
          "keepsAttachments",
          "isDirect");

  private static int right;
  private static int checked;

  private AfterClose() {}

  public static void main(String[] args) throws Exception {
    MPIRuntime.init(args);
    Communicator world = Communicator.world();
    Communicator duplicate = world.duplicate();
    Communicator split = world.split(0, world.rank());
    duplicate.close();
    split.close();
    check(duplicate, Communicator.class, OF_COMMUNICATORS);
    check(split, Communicator.class, OF_COMMUNICATORS);
    check(split, MessageChannel.class, OF_COMMUNICATORS);
    shared(world);
    lock(world);
    batch(world);
    tasker();
    pools(world);
    world.barrier();
    System.out.println("right " + right + " of " + checked + " at rank " + world.rank());
    MPIRuntime.finish();
  }

  private static void shared(Communicator world) throws Exception {
    for (MPIShared<?, ?> array :
        List.of(
            MPIShared.doubles(world, 4),
            MPIShared.floats(world, 4),
            MPIShared.longs(world, 4),
            MPIShared.ints(world, 4),
            MPIShared.shorts(world, 2, 2),
            MPIShared.chars(world, 4),
            MPIShared.bytes(world, 1, 2, 2))) {
      array.close();
      check(
          array,
          array.getClass(),
          Set.of("shape", "count", "nodeCommunicator", "acrossNodesCommunicator", "nodeCount"));
      check(array.nodeCommunicator(), Communicator.class, OF_COMMUNICATORS);
    }
  }

  private static void lock(Communicator world) throws Exception {
    MPILock lock = new MPILock(world);
    MPILock.Held held = lock.hold();
    held.close();
    held.close();
    check(held, MPILock.Held.class, Set.of("ownerDied"));
    MPILock.Held last = lock.hold();
    lock.close();
    last.close();
    check(lock, MPILock.class, Set.of("isHeldByCurrentThread", "newCondition"));
  }

  private static void batch(Communicator world) throws Exception {
    MPIBatch batch = new MPIBatch(world, 1, 4);
    batch.close();
    Set<String> answered =
        Set.of(
            "taskCount", "workerCount", "workerSize", "worker", "workerRank", "workerCommunicator");
    check(batch, MPIBatch.class, answered, "folder");
    check(batch.workerCommunicator(), Communicator.class, OF_COMMUNICATORS);
  }

  private static void tasker() throws Exception {
    Tasker tasker = new Tasker();
    tasker.close();
    check(tasker, Tasker.class, Set.of("rank", "size", "isRoot", "arguments"));
  }

  private static void pools(Communicator world) throws Exception {
    Set<String> ofPools =
        Set.of("size", "isMain", "isWorker", "workersExit", "terminate", "join", "toString");
    MPIExecutor executor = new MPIExecutor();
    if (executor.isMain()) {
      Broadcast<String> value = executor.broadcast("value");
      value.close();
      check(value, Broadcast.class, Set.of());
      Batch<Integer> batch = executor.submitBatch((Integer i) -> i, List.of(1, 2, 3));
      batch.close();
      check(batch, Batch.class, Set.of("submitted", "finished", "await", "cancel"));
      executor.close();
      check(
          executor,
          MPIExecutor.class,
          Set.of(
              "isMain",
              "isWorker",
              "workersExit",
              "size",
              "idling",
              "isOpen",
              "batch",
              "shutdown",
              "shutdownNow",
              "isShutdown",
              "isTerminated",
              "awaitTermination"));
      check(
          executor.batch(),
          BatchBuilder.class,
          Set.of("timeout", "unordered", "cachedIn"),
          "chunkSize",
          "lookAhead");
    }
    MPIPool pool = new MPIPool();
    pool.close();
    if (pool.isMain()) {
      check(pool, Pool.class, ofPools);
    }
    Pool serial = Pools.serial();
    serial.close();
    check(serial, Pool.class, ofPools);
    Pool threads = Pools.threads(2);
    threads.close();
    check(threads, Pool.class, ofPools);
    world.barrier();
  }

  /** What begins work on a pool is rejected; other methods throw an IllegalStateException. */
  private static void check(Object closed, Class<?> type, Set<String> answered, String... without)
      throws ReflectiveOperationException {
    Class<? extends Exception> expected =
        Pool.class.isAssignableFrom(type) || type == MPIExecutor.class || type == BatchBuilder.class
            ? RejectedExecutionException.class
            : IllegalStateException.class;
    Set<String> known = new HashSet<>(answered);
    known.addAll(OF_EVERYTHING);
    Method[] methods = type.getMethods();
    Arrays.sort(methods, Comparator.comparing(Method::toString));
    for (Method method : methods) {
      if (!Modifier.isStatic(method.getModifiers())
          && !method.isBridge()
          && !method.getDeclaringClass().getName().startsWith("java.lang.Iterable")
          && !Arrays.asList(without).contains(method.getName())) {
        String failure = failure(closed, method, known.contains(method.getName()), expected);
        checked++;
        if (failure.isEmpty()) {
          right++;
        } else {
          System.out.println(method + ": " + failure);
        }
      }
    }
  }

  private static String failure(
      Object closed, Method method, boolean answers, Class<? extends Exception> expected)
      throws ReflectiveOperationException {
    if (method.getDeclaringClass() == Object.class) {
      return "";
    }
    Object[] arguments = new Object[method.getParameterCount()];
    for (int i = 0; i < arguments.length; i++) {
      Class<?> type = method.getParameterTypes()[i];
      if (!ARGUMENTS.containsKey(type)) {
        return "no argument of " + type;
      }
      arguments[i] = ARGUMENTS.get(type);
    }
    method.setAccessible(true);
    try {
      Object result = method.invoke(closed, arguments);
      return answers ? "" : "returned " + result;
    } catch (InvocationTargetException e) {
      Throwable thrown = e.getCause();
      boolean unsupported = thrown instanceof UnsupportedOperationException && answers;
      boolean right = !answers && expected.isInstance(thrown);
      return unsupported || right ? "" : "threw " + thrown;
    }
  }
}
