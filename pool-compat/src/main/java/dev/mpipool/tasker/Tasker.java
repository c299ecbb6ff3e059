package dev.mpipool.tasker;

import dev.mpipool.MPIRuntime;
import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.Providers;
import dev.mpipool.files.ResultReader;
import dev.mpipool.files.WholeFile;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.ProgramLoader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A map over ranks whose finished part survives. A program that was killed, or had used up its time
 * in a queue, is started again as it is, and only what is missing is done.
 *
 * <pre>{@code
 * try (Tasker tasker = new Tasker(args)) {
 *   List<String> data = tasker.map(Path.of("foo.bin"), x -> expensive(x), Tasker.range(100));
 * }
 * }</pre>
 *
 * <p><b>Every rank</b> calls {@link #map}, each with its own function, which never travels: it may
 * hold an open file, a connection, anything that exists on its rank. Arguments travel from rank 0,
 * the <i>root</i>, and results back to it; they have to be serializable. The other ranks do the
 * tasks, one at a time, in the thread that called map; the root hands them out, saves the results,
 * and gives all of them to every rank. With one rank, without MPI, and when asked ({@link
 * Builder#serial}, {@link Builder#localThreads}), the root does the tasks itself.
 *
 * <p><b>Files.</b> Only the root reads and writes them. Results of {@code foo.bin} are saved in the
 * folder {@code foo.bin.mpi} as they come, and outlive the process from that moment on, and a crash
 * of the machine from a second later. At the end they become the file {@code foo.bin}, and the
 * folder goes. A result that a checksum finds damaged is computed again.
 *
 * <p><b>Known again</b> are tasks by their indices, by what their arguments are serialized to, and
 * by the version that the caller gives the function. If these have changed, the map throws a {@link
 * TasksChangedException}, unless {@link Builder#onChange} says otherwise.
 *
 * <p><b>Errors.</b> What the root throws before or after the tasks, all ranks throw. {@link
 * UncheckedIOException} tells of files that cannot be read or written, and of a folder in which
 * another run is at work. Whatever is thrown, what has been saved stays.
 *
 * <p>A Tasker is used by one thread of each rank, which may call the communicator.
 */
public final class Tasker implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Tasker.class);

  private static final int ROOT = 0;

  private final String[] arguments;
  private final boolean endsMpi;
  private final Communicator communicator;
  private final int localThreads;
  private final OnChange onChange;
  private final LeanSerializer serializer =
      new LeanSerializer(new JavaSerializer(ProgramLoader.find()));

  /** On the root; null elsewhere. */
  private final Workers workers;

  private boolean closed;

  /**
   * Makes a tasker over all ranks. Collective. If MPI has not been initialized, this does it, and
   * {@link #close} ends it.
   *
   * @param args the arguments of the program's main
   */
  public Tasker(String[] args) {
    this(builder(args));
  }

  /**
   * Makes a tasker over all ranks of an MPI that has been initialized, or over this process where
   * there is none. Collective.
   */
  public Tasker() {
    this(builder());
  }

  private Tasker(Builder options) {
    boolean before = Providers.begun();
    arguments = MPIRuntime.init(options.args);
    endsMpi = !before && Providers.begun();
    Communicator over = options.communicator == null ? Communicator.world() : options.communicator;
    communicator = over.duplicate();
    localThreads = options.localThreads > 0 || over.size() > 1 ? options.localThreads : 1;
    onChange = options.onChange;
    workers = isRoot() ? new Workers(communicator, serializer) : null;
  }

  /**
   * Begins a tasker with options, as {@link #Tasker(String[])} makes it.
   *
   * @param args the arguments of the program's main
   * @return without options yet
   */
  public static Builder builder(String[] args) {
    return new Builder(args.clone());
  }

  /**
   * Begins a tasker with options, as {@link #Tasker()} makes it.
   *
   * @return without options yet
   */
  public static Builder builder() {
    return new Builder(new String[0]);
  }

  /**
   * The numbers from 0 on.
   *
   * @param end how many
   * @return 0 to {@code end - 1}
   */
  public static List<Integer> range(int end) {
    return IntStream.range(0, end).boxed().toList();
  }

  /**
   * The program's own arguments.
   *
   * @return those given to {@link #Tasker(String[])}, without what a launcher added
   */
  public String[] arguments() {
    return arguments.clone();
  }

  /**
   * The number of this rank.
   *
   * @return from 0 to {@code size() - 1}
   */
  public int rank() {
    return communicator.rank();
  }

  /**
   * How many ranks there are, the root and those lost meanwhile included.
   *
   * @return at least 1
   */
  public int size() {
    return communicator.size();
  }

  /**
   * Whether this is rank 0, which hands out tasks and has the files.
   *
   * @return true on one rank
   */
  public boolean isRoot() {
    return rank() == ROOT;
  }

  /**
   * The results of a function for all arguments, for a function without a version. Collective. See
   * {@link #map(Path, String, TaskFunction, Iterable)}.
   *
   * @param <A> the type of the arguments
   * @param <R> the type of the results
   * @param file where the results are or will be
   * @param function what is done; this rank's own
   * @param arguments one a task; only the root's are used
   * @return the results, in the order of the arguments; the same on every rank
   */
  public <A, R> List<R> map(
      Path file, TaskFunction<? super A, ? extends R> function, Iterable<? extends A> arguments) {
    return map(file, Optional.empty(), function, arguments);
  }

  /**
   * The results of a function for all arguments. Collective: every rank calls it with the same
   * file, and returns the whole.
   *
   * <p>If the file is there and whole, it is read, and nothing runs. Else the results saved in
   * {@code file.mpi} are read, and the rest is computed. A task that fails keeps no other from
   * being done. When a worker dies, its task goes to another, three at most.
   *
   * @param <A> the type of the arguments
   * @param <R> the type of the results
   * @param file where the results are or will be; folders above it are made
   * @param version of the function: another one has everything computed again, or refused
   * @param function what is done; this rank's own
   * @param arguments one a task, all taken before the first runs; only the root's are used
   * @return the results, in the order of the arguments; each rank has its own copies. Not
   *     modifiable
   * @throws TasksFailedException if tasks failed, after all others have been done
   * @throws TasksChangedException if there are results of other tasks
   * @throws UncheckedIOException if files cannot be read or written, or another run has the folder
   * @throws IllegalArgumentException if an argument cannot be serialized
   * @throws IllegalStateException if all workers are lost, the ranks do not agree on the file, or
   *     this has been closed
   */
  public <A, R> List<R> map(
      Path file,
      String version,
      TaskFunction<? super A, ? extends R> function,
      Iterable<? extends A> arguments) {
    return map(file, Optional.of(version), function, arguments);
  }

  private <A, R> List<R> map(
      Path file,
      Optional<String> version,
      TaskFunction<? super A, ? extends R> function,
      Iterable<? extends A> arguments) {
    Objects.requireNonNull(file, "file");
    Objects.requireNonNull(function, "function");
    Objects.requireNonNull(arguments, "arguments");
    checkOpen();
    TaskInvoker<A, R> invoker = new TaskInvoker<>(function, serializer);
    if (!isRoot()) {
      return Collections.unmodifiableList(
          new Worker<A, R>(communicator, serializer, invoker).work(file));
    }
    TaskLedger[] ledger = new TaskLedger[1];
    try {
      TaskArguments<A> tasks = new TaskArguments<>(arguments, version, serializer);
      new RootMap(file, tasks, onChange)
          .run(
              results -> {
                ledger[0] = new TaskLedger(tasks, results, serializer);
                work(invoker, ledger[0], file);
                ledger[0].check(file.toString());
              },
              "mapping to " + file.toAbsolutePath());
      List<R> results = read(file); // first: what cannot be read here has to be told
      workers.deliver(file);
      return results;
    } catch (Throwable e) {
      throw told(e, ledger[0], file);
    }
  }

  private void checkOpen() {
    if (closed) {
      throw new IllegalStateException("This tasker has been closed");
    }
  }

  private void work(TaskInvoker<?, ?> invoker, TaskLedger ledger, Path file) {
    if (localThreads == 0) {
      workers.serve(ledger, file);
    } else if (localThreads == 1) {
      invoker.runAll(ledger);
    } else {
      invoker.runAll(ledger, localThreads);
    }
  }

  /** Has all ranks throw it. */
  private RuntimeException told(Throwable e, TaskLedger ledger, Path file) {
    RuntimeException problem;
    if (e instanceof RuntimeException unchecked) {
      problem = unchecked;
    } else if (e instanceof IOException io) {
      String what = "The results of %s cannot be read or saved: %s".formatted(file, io);
      problem = new UncheckedIOException(what, io);
    } else {
      problem = new IllegalStateException("The root failed: " + e, e);
    }
    try {
      workers.fail(problem, ledger, file);
    } catch (RuntimeException untold) {
      problem.addSuppressed(untold);
    }
    if (e instanceof Error error) {
      throw error;
    }
    return problem;
  }

  @SuppressWarnings("unchecked") // the function returned R
  private <R> List<R> read(Path file) throws IOException {
    List<R> results = new ArrayList<>();
    try (ResultReader reader = new ResultReader(file)) {
      for (ResultReader.Entry each = reader.next(); each != null; each = reader.next()) {
        results.add((R) decode(serializer, results.size(), each.result()));
      }
    }
    return Collections.unmodifiableList(results);
  }

  static Object decode(LeanSerializer serializer, int task, ByteBuffer result) {
    try {
      return serializer.decode(result);
    } catch (Exception e) {
      throw new IllegalStateException(
          "The result of task %d cannot be read: %s".formatted(task, e), e);
    }
  }

  /**
   * Saves a value, which {@link #load} finds. The file is there whole or not at all, and survives
   * the machine's crash. Not collective: it is this rank's own file.
   *
   * @param file its folder exists
   * @param value any that can be serialized, or null
   * @throws UncheckedIOException if it cannot be serialized or written
   * @throws IllegalStateException if this has been closed
   */
  public void save(Path file, Object value) {
    checkOpen();
    try {
      ByteBuffer encoded = serializer.encode(value);
      byte[] bytes = new byte[encoded.remaining()];
      encoded.get(bytes);
      WholeFile.writeChecked(file, bytes);
      LOG.info("save {}", file);
    } catch (Exception e) {
      throw failure(file, "saved", e);
    }
  }

  /**
   * Loads a value that {@link #save} has saved. Not collective.
   *
   * @param <T> its type
   * @param file where it is
   * @return empty if there is no such file, or null was saved
   * @throws UncheckedIOException if it cannot be read, or is not what was saved
   * @throws IllegalStateException if this has been closed
   */
  @SuppressWarnings("unchecked") // the caller knows what was saved
  public <T> Optional<T> load(Path file) {
    checkOpen();
    try {
      byte[] bytes = WholeFile.readChecked(file);
      LOG.info("load {}", file);
      return Optional.ofNullable((T) serializer.decode(ByteBuffer.wrap(bytes)));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (Exception e) {
      throw failure(file, "loaded", e);
    }
  }

  private static UncheckedIOException failure(Path file, String what, Exception e) {
    IOException io = e instanceof IOException already ? already : new IOException(e);
    return new UncheckedIOException("%s cannot be %s: %s".formatted(file, what, e), io);
  }

  /**
   * Ends this rank's part, and MPI if the constructor has initialized it: then it is collective.
   */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      if (workers != null) {
        workers.close();
      }
      communicator.close();
      if (endsMpi) {
        MPIRuntime.finish();
      }
    }
  }

  /** A tasker with options, before it is opened. The options are the same on all ranks. */
  public static final class Builder {

    private final String[] args;
    private Communicator communicator;
    private int localThreads;
    private OnChange onChange = OnChange.FAIL;

    private Builder(String[] args) {
      this.args = args;
    }

    /**
     * Works on some of the ranks.
     *
     * @param ranks those; the lowest is the root
     * @return this
     */
    public Builder communicator(Communicator ranks) {
      communicator = Objects.requireNonNull(ranks, "ranks");
      return this;
    }

    /**
     * Has the root do all tasks, in the thread that calls map, one after the other. The other ranks
     * wait and get the results.
     *
     * @return this
     */
    public Builder serial() {
      return localThreads(1);
    }

    /**
     * Has the root do all tasks, on threads of its process, which call its function at the same
     * time. The other ranks wait and get the results.
     *
     * @param threads how many, at least 1
     * @return this
     */
    public Builder localThreads(int threads) {
      if (threads < 1) {
        throw new IllegalArgumentException("%d threads can do no tasks".formatted(threads));
      }
      localThreads = threads;
      return this;
    }

    /**
     * Says what becomes of results saved for other arguments or another version.
     *
     * @param action FAIL unless this is called
     * @return this
     */
    public Builder onChange(OnChange action) {
      onChange = Objects.requireNonNull(action, "action");
      return this;
    }

    /**
     * Makes the tasker. Collective.
     *
     * @return to be closed by every rank
     */
    public Tasker open() {
      return new Tasker(this);
    }
  }
}
