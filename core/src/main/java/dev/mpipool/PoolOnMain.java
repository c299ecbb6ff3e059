package dev.mpipool;

import dev.mpipool.batch.BatchOptions;
import dev.mpipool.batch.BatchRun;
import dev.mpipool.batch.ItemSource;
import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.MessageChannels;
import dev.mpipool.comm.Providers;
import dev.mpipool.comm.RankLostException;
import dev.mpipool.dispatch.AnswerListener;
import dev.mpipool.dispatch.Dispatcher;
import dev.mpipool.dispatch.TaskFuture;
import dev.mpipool.dispatch.Unstarted;
import dev.mpipool.memory.Memory;
import dev.mpipool.memory.Uninterruptibles;
import dev.mpipool.protocol.Entry;
import dev.mpipool.protocol.FrameSender;
import dev.mpipool.serial.Cures;
import dev.mpipool.serial.ItemFunction;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.SharedValue;
import dev.mpipool.serial.TaskName;
import dev.mpipool.worker.TaskContext;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.stream.IntStream;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A pool on main: the dispatcher with its threads, from opening to close. */
final class PoolOnMain {

  private static final Logger LOG = LoggerFactory.getLogger(PoolOnMain.class);

  /** Communicators that have a pool. */
  private static final Set<Communicator> IN_USE =
      Collections.synchronizedSet(Collections.newSetFromMap(new IdentityHashMap<>()));

  /** Pools of this rank that have not ended. */
  private static final Set<PoolOnMain> LIVING = ConcurrentHashMap.newKeySet();

  /** How long tasks that were interrupted may go on, when the program has nothing else to do. */
  private static final long INTERRUPTED_MILLIS = 5_000;

  /** How long threads may take to end that have nothing left to wait for. */
  private static final long THREAD_END_MILLIS = 1_000;

  private final Communicator communicator;
  private final LeanSerializer serializer;
  private final FrameSender sender;
  private final Dispatcher dispatcher;
  private final AnswerListener listener;
  private final Runnable afterwards;
  private final boolean local;
  private final Thread exitHook = new ExitHook(this);

  /** Made in the rank's own group of threads, by which a launcher knows whose it is. */
  private final Thread keeper = new Thread(this::keepProcess, "mpipool-shutdown");

  /** Guarded by keeper. */
  private boolean keeps;

  private volatile boolean interrupting;

  /**
   * The class of the task that passed the check last: most often that of the next, too, and a check
   * against an interface that a class does not have is a search.
   */
  private Class<?> serializable;

  /** What main has to know of a pool's options. */
  record Options(
      int threadsPerWorker,
      int maxAttempts,
      Duration heartbeatTimeout,
      SerializableRunnable initializer,
      LeanSerializer serializer) {}

  private PoolOnMain(
      Communicator communicator, boolean local, Options options, Runnable afterwards) {
    this.communicator = communicator;
    this.local = local;
    keeper.setDaemon(false);
    this.serializer = options.serializer();
    this.afterwards = afterwards;
    List<Integer> workers =
        IntStream.range(0, communicator.size())
            .filter(rank -> rank != communicator.rank())
            .boxed()
            .toList();
    // The sender is needed by the dispatcher, and tells it of ranks that cannot be reached.
    CompletableFuture<Dispatcher> made = new CompletableFuture<>();
    sender =
        new FrameSender(
            communicator,
            "mpipool-sender",
            new FrameSender.SendFailureListener() {
              @Override
              public void sendFailed(int rank, RuntimeException failure) {
                cannotReach(made.join(), rank, failure);
              }

              @Override
              public void unsent(int rank, Entry entry, OutOfMemoryError failure) {
                if (!made.join().unsent(rank, entry, failure)) {
                  FrameSender.SendFailureListener.super.unsent(rank, entry, failure);
                }
              }
            });
    dispatcher =
        new Dispatcher(
            new Dispatcher.Settings(
                workers,
                options.threadsPerWorker(),
                options.maxAttempts(),
                communicator.failureModel().othersSurvive()),
            serializer,
            sender);
    made.complete(dispatcher);
    dispatcher.atTermination(this::letGo);
    SerializableRunnable initializer = options.initializer();
    dispatcher.open(initializer == null ? null : new Calls.OfRunnable(initializer));
    communicator.onRankLost(dispatcher::workerLost);
    dispatcher.watch(options.heartbeatTimeout(), MessageChannels.of(communicator)::lastProgress);
    listener = new AnswerListener(communicator, dispatcher);
    LIVING.add(this);
    addExitHook();
  }

  private void addExitHook() {
    try {
      Runtime.getRuntime().addShutdownHook(exitHook);
    } catch (IllegalStateException e) {
      LOG.debug("The pool was opened in a shutdown hook", e);
    }
  }

  /** A frame for a worker is lost, and so is the worker, which may know nothing of it. */
  private static void cannotReach(Dispatcher dispatcher, int rank, RuntimeException failure) {
    String reason =
        "it cannot be reached (%s)"
            .formatted(Objects.requireNonNullElse(failure.getCause(), failure));
    if (failure instanceof RankLostException) {
      dispatcher.workerLost(rank, reason);
    } else {
      dispatcher.exclude(rank, reason);
    }
  }

  /** Opens a pool over other ranks, or if there are none over threads of this process. */
  static PoolOnMain open(Communicator communicator, Options options) {
    if (communicator.size() == 1) {
      return new PoolOnMain(LocalWorkers.start(options.serializer()), true, options, () -> {});
    }
    if (!IN_USE.add(communicator)) {
      throw new IllegalStateException(
          "There is a pool on these ranks already, and it is not closed: its workers are in it and"
              + " cannot join another. Close it first, or split the communicator.");
    }
    boolean opened = false;
    try {
      PoolOnMain made =
          new PoolOnMain(
              duplicate(communicator), false, options, () -> IN_USE.remove(communicator));
      opened = true;
      return made;
    } finally {
      if (!opened) {
        IN_USE.remove(communicator);
      }
    }
  }

  /** A communicator for a pool alone, whose workers main releases. Collective. */
  static Communicator duplicate(Communicator communicator) {
    Communicator own = duplicateUninterrupted(communicator);
    MessageChannels.of(own).markServed();
    return own;
  }

  /** Where threads that call may not be interrupted, a thread of its own calls. */
  private static Communicator duplicateUninterrupted(Communicator communicator) {
    if (MessageChannels.of(communicator).callableFromAnyThread()) {
      return communicator.duplicate();
    }
    FutureTask<Communicator> call = new FutureTask<>(communicator::duplicate);
    Thread thread = new Thread(call, "mpipool-opening"); // of this rank, by its thread group
    thread.setDaemon(true);
    thread.start();
    Uninterruptibles.join(thread, TimeUnit.DAYS.toMillis(10_000));
    try {
      return call.get();
    } catch (ExecutionException e) {
      throw ExceptionUtils.<RuntimeException>asRuntimeException(e.getCause());
    } catch (InterruptedException e) {
      throw new IllegalStateException(e); // it has ended
    }
  }

  Dispatcher dispatcher() {
    return dispatcher;
  }

  /** Hands a task over; what keeps it from travelling is returned. */
  Optional<TaskSerializationException> submit(TaskFuture<?> future) {
    checkNotInTask();
    try {
      Object task = future.original();
      if (task != null) { // else it is done
        checkSerializable(task);
      }
      dispatcher.submit(future);
      return Optional.empty();
    } catch (TaskSerializationException e) {
      dispatcher.checkAccepting(); // after a shutdown, that is the reason to give
      return Optional.of(e);
    }
  }

  <T> CompletableFuture<List<T>> submitToAll(SerializableCallable<T> task) {
    checkNotInTask();
    try {
      return dispatcher.submitToAll(new Calls.OfCallable(task), task);
    } catch (TaskSerializationException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  <T> CompletableFuture<List<T>> submitGroup(
      int workers, SerializableFunction<? super Communicator, ? extends T> task) {
    checkNotInTask();
    try {
      return dispatcher.submitGroup(workers, new Calls.OfGroup(task), task);
    } catch (TaskSerializationException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  <T> Broadcast<T> broadcast(T value) {
    checkNotInTask();
    ByteBuffer encoded;
    try {
      encoded = serializer.encode(value);
    } catch (Exception e) {
      throw new IllegalArgumentException(
          "The value cannot be broadcast: "
              + Objects.requireNonNullElse(e.getMessage(), e.toString()),
          e);
    }
    SharedValue shared = new SharedValue(encoded);
    dispatcher.share(shared);
    return new BroadcastOnMain<>(dispatcher, shared, value);
  }

  /**
   * Encodes the function of a batch, as it is now; what is returned starts a batch with it. If the
   * function cannot travel, the batch ends as soon as it is started.
   */
  BiFunction<ItemSource, BatchOptions, BatchRun> prepareBatch(ItemFunction function) {
    checkNotInTask();
    dispatcher.checkAccepting();
    ByteBuffer encoded;
    TaskSerializationException failure;
    try {
      encoded = serializer.encode(function);
      failure = null;
    } catch (Exception e) {
      encoded = ByteBuffer.allocate(0);
      failure = TaskName.cannotTravel(function.code(), e);
    }
    ByteBuffer bytes = encoded;
    TaskSerializationException unserializable = failure;
    return (source, options) -> {
      checkNotInTask();
      BatchRun run = new BatchRun(dispatcher, serializer, bytes, function.code(), source, options);
      run.start(unserializable);
      return run;
    };
  }

  private static void checkNotInTask() {
    if (TaskContext.rank().isPresent()) {
      throw new IllegalStateException(
          "A task cannot submit to its own pool: the worker it runs on would wait for itself."
              + " Return what is to be done next, and submit it on main.");
    }
  }

  private void checkSerializable(Object task) throws TaskSerializationException {
    if (task.getClass() == serializable) {
      return;
    }
    if (task instanceof Future) {
      throw TaskName.cannotTravel(task, ofThisProcess(task), null);
    }
    boolean needsToBe = serializer.isJavas() || task.getClass().isHidden();
    if (needsToBe && !(task instanceof Serializable)) {
      throw TaskName.cannotTravel(
          task,
          "%s is not serializable. %s".formatted(task.getClass().getTypeName(), cure(task)),
          null);
    }
    serializable = task.getClass();
  }

  private static String ofThisProcess(Object future) {
    if (future.getClass().getEnclosingClass() == ExecutorCompletionService.class) {
      return "it belongs to an ExecutorCompletionService over an executor that wraps an"
          + " MPIExecutor. Make the service from the MPIExecutor itself: new"
          + " ExecutorCompletionService<>(executor).";
    }
    return "a %s is a future of this process, and no worker can complete it."
            .formatted(future.getClass().getTypeName())
        + " Pass what it runs to executor.submit(...), which returns a CompletableFuture.";
  }

  private static String cure(Object task) {
    String type = task.getClass().getName();
    if (task instanceof Thread || type.startsWith("java.util.concurrent.")) {
      return "Pass the task itself, which this wraps, to a method of MPIExecutor.";
    }
    return task.getClass().isHidden() ? Cures.ofPlainLambda() : Cures.ofOtherTask();
  }

  /** Takes no more tasks; what was accepted is done, whatever thread returns meanwhile. */
  void shutdown() {
    dispatcher.shutdown();
    keep();
  }

  /** Takes no more tasks, and cancels those that are accepted. */
  List<Unstarted> shutdownNow() {
    interrupting = true;
    List<Unstarted> unstarted = dispatcher.shutdownNow();
    keep();
    keeper.interrupt();
    return unstarted;
  }

  private void keep() {
    synchronized (keeper) {
      if (!keeps && !dispatcher.isAtRest()) {
        keeps = true;
        try {
          keeper.start();
        } catch (OutOfMemoryError e) {
          LOG.warn("Main must not return before the pool has ended: no thread can be started", e);
        }
      }
    }
  }

  /** Being no daemon, this thread has the JVM, and the launcher, wait for the pool's end. */
  private void keepProcess() {
    try {
      dispatcher.awaitCallbacks();
    } catch (InterruptedException e) {
      awaitInterrupted();
    }
  }

  /** Waits for tasks that were interrupted; returns whether the pool has ended. */
  private boolean awaitInterrupted() {
    return Uninterruptibles.await(
        TimeUnit.MILLISECONDS.toNanos(INTERRUPTED_MILLIS),
        nanos -> dispatcher.awaitTermination(nanos, TimeUnit.NANOSECONDS));
  }

  /** Shuts down and waits; see {@link MPIExecutor#close}. */
  void close() {
    shutdown();
    boolean interrupted = false;
    long pause = 0;
    while (!dispatcher.isTerminated()) {
      try {
        dispatcher.awaitTermination(1, TimeUnit.DAYS);
      } catch (InterruptedException e) {
        if (!interrupted) {
          shutdownNow();
          interrupted = true;
        }
      } catch (OutOfMemoryError e) { // the wait needs some
        pause = Memory.pause(pause);
      }
    }
    awaitThreads();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void awaitThreads() {
    sender.awaitEnd(THREAD_END_MILLIS);
    listener.awaitEnd(THREAD_END_MILLIS);
  }

  /**
   * Ends all pools of which this rank is main, since MPI is about to end: one that was shut down
   * when its tasks are done, another at once.
   */
  static void endAll() {
    LIVING.forEach(PoolOnMain::endNow);
  }

  private void endNow() {
    sayIfUnclosed("MPI is ended");
    if (!dispatcher.isShutdown()) {
      shutdownNow();
    } else if (!interrupting) {
      try {
        dispatcher.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
      } catch (InterruptedException e) {
        shutdownNow();
        Thread.currentThread().interrupt();
      }
    }
    if (awaitInterrupted()) {
      awaitThreads();
    } else {
      Providers.rankExcluded(); // a worker is in a task, and comes to no farewell
    }
  }

  /** Everything is over, with {@link #close} or without. */
  private void letGo() {
    if (dispatcher.hasExcludedWorker()) {
      Providers.rankExcluded();
    }
    sender.close(communicator::close);
    afterwards.run();
    LIVING.remove(this);
    try {
      Runtime.getRuntime().removeShutdownHook(exitHook);
    } catch (IllegalStateException e) {
      // the process is about to end, and the hook finds nothing to do
    }
  }

  /** Says what is given up, if the pool takes tasks still. */
  void sayIfUnclosed(String occasion) {
    if (dispatcher.isOpen()) {
      System.err.printf(
          "mpipool: %s with a pool that was neither shut down nor closed; given up: %s%n",
          occasion, dispatcher.pending());
    }
  }

  /**
   * The process ends before the pool was closed: workers in other processes are told, as far as
   * there is time, unless a launcher ends them.
   */
  void abandon() {
    if (!local && !Providers.launcherEndsRanks() && !dispatcher.isTerminated()) {
      dispatcher.abandon();
      sender.close();
      sender.awaitEnd(THREAD_END_MILLIS);
    }
  }
}
