package dev.mpipool;

import dev.mpipool.comm.Communicator;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.Serializer;
import dev.mpipool.worker.TaskContext;
import java.io.ObjectInputFilter;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.RejectedExecutionException;

/**
 * An {@link java.util.concurrent.ExecutorService} whose tasks run on the ranks of an MPI job.
 *
 * <p>Every rank of the communicator creates one, at the same point of the program. On <b>main</b>
 * (rank 0 unless the builder says otherwise) the constructor returns at once, and the pool takes
 * tasks. The other ranks are <b>workers</b>: they stay inside the constructor and run tasks until
 * main closes the pool. Then they come out of it, too, and {@link #workersExit} takes them past the
 * block that is main's.
 *
 * <pre>{@code
 * args = MPIRuntime.init(args);
 * try (MPIExecutor executor = new MPIExecutor()) {
 *   executor.workersExit();
 *   CompletableFuture<Integer> answer = executor.submit(() -> 6 * 7);
 *   System.out.println(answer.get());
 * } catch (WorkersExitException e) {
 *   // a worker goes on below
 * }
 * MPIRuntime.finish();
 * }</pre>
 *
 * or, with nothing to forget, {@link #run(String[], MainBody)}. Without MPI, and on a single rank,
 * the workers are threads of this process, as many as the system property {@code
 * mpipool.local.workers} says or else as there are processors; tasks travel to them in the same
 * way.
 *
 * <p><b>Tasks</b> and their arguments and results have to be serializable. A lambda is, where it is
 * passed to a method of this class; passed through a variable of type {@code ExecutorService} it is
 * not, and its future fails with a {@link TaskSerializationException} that says so. A task is
 * turned into bytes in the thread that submits it, before {@code submit} returns: later changes of
 * what it captured make no difference. What a task captures and its arguments arrive as one graph:
 * an object that is reached in two ways is one object on the worker, too (strings and boxed
 * primitives aside). Classes do not travel: every rank runs the same program.
 *
 * <p><b>Results.</b> A task's exception is the cause of the {@link
 * java.util.concurrent.ExecutionException} that {@code get} throws, with its own type and the
 * worker's stack trace, or a {@link RemoteTaskException} if it cannot travel. If workers die, a
 * task is given to another, to three workers at most ({@link Builder#maxAttempts}); so it can run
 * more than once.
 *
 * <p><b>Futures.</b> {@code cancel} keeps a task from beginning, wherever it is; if it runs
 * already, {@code cancel(true)} interrupts it, as do {@code orTimeout} and {@code
 * completeOnTimeout} when the time is over, and {@code cancel(false)} lets it run and drops its
 * answer, as do {@code complete} and its like. A future that is done keeps its result alone: what
 * the task captured and its arguments can be garbage-collected. A task, or a group of them, is run
 * whether its future is held or not.
 *
 * <p><b>Threads.</b> Main's side may be used by any thread. Callbacks of futures run on threads of
 * the pool, not on those that receive; they may block, but should not for long. What happened in a
 * thread before it submitted a task happens before the task's encoding, and the task's end happens
 * before its future is done. Tasks must not use the pool; a task that could (where workers are
 * threads of main's process) gets an {@link IllegalStateException}.
 *
 * <p><b>An unreachable pool</b> stays open until it is closed or the process ends: its workers are
 * in it.
 *
 * <p><b>On a worker</b> all methods that deal with tasks throw {@link IllegalStateException}.
 */
public final class MPIExecutor extends PoolExecutorService
    implements BatchSubmission, AutoCloseable {

  private final boolean main;
  private final int rank;

  /** The pool, on main; null on a worker. */
  private final PoolOnMain pool;

  /**
   * Opens a pool over all ranks of the job, with rank 0 as main. Collective. On workers it returns
   * when main has closed the pool.
   *
   * @throws BrokenExecutorException on a worker, if main was lost or ended without closing the pool
   * @throws IllegalStateException if a launcher started this process as a rank, and MPI is not
   *     initialized; in a task; and if main has a pool on the same ranks that is not closed
   */
  public MPIExecutor() {
    this(builder());
  }

  private MPIExecutor(Builder options) {
    if (TaskContext.rank().isPresent()) {
      throw new IllegalStateException(
          "A task cannot open a pool: the other ranks run tasks, too, and nobody would join it. Open it"
              + " where all ranks are, before or after this one.");
    }
    Communicator communicator =
        options.communicator == null ? Communicator.world() : options.communicator;
    if (options.main >= communicator.size()) {
      throw new IllegalArgumentException(
          "Main cannot be rank %d: there are %d ranks"
              .formatted(options.main, communicator.size()));
    }
    rank = communicator.rank();
    main = rank == options.main;
    LeanSerializer serializer = Serializers.create(options.serializer, options.filter);
    pool = main ? PoolOnMain.open(communicator, options.ofMain(serializer)) : null;
    if (!main) {
      PoolOnWorker.serve(communicator, options.main, options.rejoin, serializer);
    }
  }

  /**
   * Options for a pool.
   *
   * @return a builder with the defaults
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Runs a program on all ranks: initializes MPI, opens a pool, runs the body on main, closes the
   * pool, ends MPI. Returns on every rank. If the body throws, tasks are cancelled, and the
   * exception leaves this method on main, checked or not, so that the program ends with exit code
   * 1. A worker that has lost main ends its process, where it has one, with the exit code 1; if
   * main lives, for it that is a lost worker.
   *
   * @param args the arguments of the program's main
   * @param body what main does
   */
  public static void run(String[] args, MainBody body) {
    run(args, builder(), body);
  }

  /**
   * Runs a program on all ranks, as {@link #run(String[], MainBody)} does, on a pool with options.
   *
   * @param args the arguments of the program's main
   * @param builder the options
   * @param body what main does
   */
  public static void run(String[] args, Builder builder, MainBody body) {
    PoolProgram.run(args, builder, body);
  }

  /**
   * The worker that runs the calling task.
   *
   * @return its rank in the pool's communicator; where workers are threads of main's process, a
   *     number from 1
   * @throws IllegalStateException outside a task
   */
  public static int currentRank() {
    return TaskContext.rank()
        .orElseThrow(
            () -> new IllegalStateException("currentRank() is for tasks, on their thread"));
  }

  /**
   * Whether this rank is the one that submits.
   *
   * @return true on one rank of a pool
   */
  public boolean isMain() {
    return main;
  }

  /**
   * Whether this rank has run tasks.
   *
   * @return true on all ranks but main
   */
  public boolean isWorker() {
    return !main;
  }

  /**
   * Takes workers out of the block that only main is to run; does nothing on main. A worker that
   * does not catch the exception ends without a trace on standard error.
   *
   * @throws WorkersExitException on a worker
   */
  public void workersExit() {
    if (!main) {
      WorkersExitException.letPassQuietly();
      throw new WorkersExitException();
    }
  }

  /**
   * How many workers live.
   *
   * @return 0 when all are lost or released, and when the pool is broken: none of them takes a task
   *     any more
   */
  public int size() {
    return onMain().dispatcher().size();
  }

  /**
   * How many living workers have no task.
   *
   * @return at most {@link #size}, so 0 when the pool is broken
   */
  public int idling() {
    return onMain().dispatcher().idling();
  }

  /**
   * Whether tasks are accepted.
   *
   * @return false after a shutdown, when the pool is broken, and on a worker
   */
  public boolean isOpen() {
    return main && pool.dispatcher().isOpen();
  }

  /**
   * Sends a value to every worker, once. Tasks that are submitted later capture the handle instead
   * of the value.
   *
   * @param <T> the type of the value
   * @param value serializable; null is allowed. It is encoded before this returns.
   * @return the handle, which frees the workers' memory when it is closed; closing the pool does
   *     so, too
   * @throws IllegalArgumentException if the value is not serializable, or takes more than 2 GiB
   * @throws RejectedExecutionException if the pool is shut down; {@link BrokenExecutorException} if
   *     it is broken
   */
  public <T> Broadcast<T> broadcast(T value) {
    return onMain().broadcast(value);
  }

  @Override
  public BatchBuilder batch() {
    return new PoolBatchBuilder(onMain());
  }

  /**
   * Shuts the pool down, waits until all tasks are done, and releases the workers. If the calling
   * thread is interrupted, tasks are cancelled as by {@link #shutdownNow}, and it goes on waiting.
   * Does nothing on a worker, and when closed already.
   */
  @Override
  public void close() {
    if (TaskContext.rank().isPresent()) {
      throw new IllegalStateException(
          "A task cannot close a pool: it would wait for its own end. Close it on main.");
    }
    if (main) {
      pool.close();
    }
  }

  /**
   * What the pool is at.
   *
   * @return on main its state, its queue and what each worker holds; for people, not to be parsed
   */
  @Override
  public String toString() {
    String state = main ? pool.dispatcher().toString() : "[rank %d, a worker]".formatted(rank);
    return super.toString() + state;
  }

  @Override
  PoolOnMain onMain() {
    if (!main) {
      throw new IllegalStateException(
          "Rank %d is a worker of this pool, and only main submits tasks: call workersExit() right after"
                  .formatted(rank)
              + " the constructor");
    }
    return pool;
  }

  /** Options for a pool. Every rank has to give the same. Not thread-safe. */
  public static final class Builder {

    private int main;
    private Communicator communicator;
    private boolean rejoin = true;
    private SerializableRunnable initializer;
    private int threadsPerWorker = 1;
    private ObjectInputFilter filter;
    private Serializer serializer;
    private int maxAttempts = 3;
    private Duration heartbeatTimeout = Duration.ofSeconds(10);

    private Builder() {}

    /**
     * Which rank is main.
     *
     * @param rank a rank of the communicator; 0 if not called
     * @return this
     */
    public Builder main(int rank) {
      if (rank < 0) {
        throw new IllegalArgumentException("Main cannot be rank " + rank);
      }
      this.main = rank;
      return this;
    }

    /**
     * The ranks of the pool. It uses a duplicate, so this one stays free for the program.
     *
     * @param communicator all of its ranks open the pool; {@link Communicator#world()} if not
     *     called
     * @return this
     */
    public Builder communicator(Communicator communicator) {
      this.communicator = Objects.requireNonNull(communicator, "communicator");
      return this;
    }

    /**
     * Whether workers come out of the pool when main has closed it, and go on with the program.
     *
     * @param rejoin false if they are to end: their process, or where ranks are threads their main.
     *     true if not called
     * @return this
     */
    public Builder rejoin(boolean rejoin) {
      this.rejoin = rejoin;
      return this;
    }

    /**
     * What every worker runs before its first task. The pool opens without waiting for it, and
     * workers that are through with it run tasks while others are at it. If it fails on one of
     * them, the pool is broken when main hears of that: every future that is not done fails with a
     * {@link BrokenExecutorException}, whose cause is what it threw, and later submissions throw
     * one. Only main's is used.
     *
     * @param initializer a task; nothing is run if not called
     * @return this
     */
    public Builder initializer(SerializableRunnable initializer) {
      this.initializer = Objects.requireNonNull(initializer, "initializer");
      return this;
    }

    /**
     * How many tasks a worker runs at a time, each on a thread of its own. Only main's number is
     * used.
     *
     * @param threads at least 1, which it is if not called
     * @return this
     */
    public Builder threadsPerWorker(int threads) {
      if (threads < 1) {
        throw new IllegalArgumentException(
            "A worker has at least one task thread, not %d".formatted(threads));
      }
      this.threadsPerWorker = threads;
      return this;
    }

    /**
     * What this rank lets in: asked before an object is made of bytes that have come from another
     * rank, on main for results and exceptions, on workers for tasks and what they need. Every rank
     * uses its own builder's. What is rejected fails the one future that it belongs to, with a
     * {@link TaskSerializationException} that names the class and the rank; an exception that main
     * rejects arrives as a {@link RemoteTaskException}.
     *
     * <p>The filter is asked as by {@link java.io.ObjectInputStream#setObjectInputFilter}, in
     * addition about primitive arrays (class and length) wherever they stand, and about the class
     * that a lambda stands in; so {@code
     * ObjectInputFilter.Config.createFilter("org.example.**;java.base/*;maxarray=1000000;!*")} lets
     * in the program's own classes and lambdas, and the JDK's. What it leaves undecided is let in.
     * Always allowed are null, boxed primitives, strings, arrays of up to 255 objects (what is in
     * them is asked about), and what mpipool itself wraps around tasks. The JVM's own filter,
     * {@code jdk.serialFilter}, is asked in any case, about these, too, except null, boxed
     * primitives and strings outside of other objects.
     *
     * <p>It is for Java's serialization: with another {@link #serializer} the pool does not open.
     *
     * @param filter asked by several threads at once; one that throws rejects
     * @return this
     */
    public Builder filter(ObjectInputFilter filter) {
      this.filter = Objects.requireNonNull(filter, "filter");
      return this;
    }

    /**
     * What turns values into bytes and back, on this rank, instead of Java's serialization; see
     * {@link Serializer} for which values these are. Every rank has to give one of the same {@link
     * Serializer#format}: else every future fails with a {@link BrokenExecutorException} that has
     * both. Whatever the serializer can write may then travel, {@link java.io.Serializable} or not;
     * lambdas still have to be serializable, and what they capture goes through the serializer.
     *
     * <p>A pool whose builder says nothing takes the class that the system property {@code
     * mpipool.serializer} names, made by its public constructor without parameters, and if there is
     * no such property Java's serialization.
     *
     * @param serializer used by several threads at once; where workers are threads of main's
     *     process, by them, too
     * @return this
     */
    public Builder serializer(Serializer serializer) {
      this.serializer = Objects.requireNonNull(serializer, "serializer");
      return this;
    }

    /**
     * How many workers may be lost with a task before its future fails with a {@link
     * WorkerLostException}. A worker that was given up may have run the task, so with more than one
     * attempt a task can run more than once. Of a batch, the elements of a chunk are tried
     * together. Only main's number is used.
     *
     * @param workers at least 1, with which no task begins twice; 3 if not called
     * @return this
     */
    public Builder maxAttempts(int workers) {
      if (workers < 1) {
        throw new IllegalArgumentException(
            "A task is given to at least one worker, not %d".formatted(workers));
      }
      this.maxAttempts = workers;
      return this;
    }

    /**
     * How long a worker may be silent before it counts as lost. A worker answers main's question
     * whether it is there while its tasks run, so only one that is stopped, cut off or short of
     * processor time for so long is silent; its tasks are given to others. A worker whose process
     * ends is noticed at once, whatever is set here. Time in which main was stopped itself does not
     * count. Only main's setting is used.
     *
     * @param timeout more than zero; 10 s if not called. Less than a second leaves no room for a
     *     long pause of the garbage collector.
     * @return this
     */
    public Builder heartbeatTimeout(Duration timeout) {
      if (timeout.isNegative() || timeout.isZero()) {
        throw new IllegalArgumentException(
            "The heartbeat timeout has to be more than zero, not " + timeout);
      }
      this.heartbeatTimeout = timeout;
      return this;
    }

    private PoolOnMain.Options ofMain(LeanSerializer serializer) {
      return new PoolOnMain.Options(
          threadsPerWorker, maxAttempts, heartbeatTimeout, initializer, serializer);
    }

    /**
     * Opens the pool; see {@link MPIExecutor#MPIExecutor()}.
     *
     * @return on main an open pool, on workers one that has been closed
     * @throws IllegalStateException if there are a filter and a serializer that does not ask it
     * @throws IllegalArgumentException if the serializer that the system property names cannot be
     *     made
     */
    public MPIExecutor open() {
      return new MPIExecutor(this);
    }
  }
}
