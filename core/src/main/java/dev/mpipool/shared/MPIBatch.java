package dev.mpipool.shared;

import dev.mpipool.comm.Communicator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Groups of ranks that work through a list of tasks: for work that takes several ranks at a time.
 *
 * <pre>{@code
 * try (MPIBatch batch = new MPIBatch(Communicator.world(), 2, 1000)) {   // workers of two ranks
 *   for (OptionalInt task = batch.nextTask(); task.isPresent(); task = batch.nextTask()) {
 *     work(task.getAsInt(), batch.workerCommunicator());                  // both ranks are here
 *     if (batch.workerRank() == 0) {
 *       batch.setState(task.getAsInt(), MPIBatch.State.DONE);
 *     }
 *   }
 * }
 * }</pre>
 *
 * <p><b>States.</b> Tasks are numbered from 0. {@link #nextTask} takes the first that is OPEN and
 * marks it RUNNING; what it becomes then is said by {@link #setState}. INVALID ones are never
 * taken. If a worker loses a rank, and the communicator survives that, its tasks are OPEN again.
 *
 * <p><b>In memory</b>, rank 0 keeps the states; each call takes a message to it and one back. They
 * are gone when the batch is closed, or with rank 0: then calls throw {@link
 * dev.mpipool.comm.RankLostException}.
 *
 * <p><b>In a folder</b> each task has a sub-folder with its name, and in it a file {@code state}
 * with the state's plain word, so {@code cat *}{@code /state} shows progress. The file is the truth
 * and survives; several jobs may work on the same folder at the same time. Rank 0 takes a task for
 * its job by making a file {@code claim.N} that names job, host and process, and that is kept
 * fresh. A task that is RUNNING and not claimed by a living process was left by a crash, and is
 * taken as if it were OPEN. On the same machine a crash is seen at once, on others after 60
 * seconds.
 *
 * <p><b>Collective</b> are making one, over all ranks, and {@code nextTask}, over the ranks of a
 * worker; ranks that disagree all get an {@link IllegalArgumentException}. The other methods are
 * not. Calls must come from threads that may call the communicator, and are not interrupted.
 */
public final class MPIBatch implements AutoCloseable {

  private static final Set<State> AGAIN = EnumSet.of(State.RUNNING, State.FAILED, State.DONE);

  /** What is to be done, or was done, with a task. */
  public enum State {
    /** Not to be worked on. */
    INVALID,
    /** To be worked on. */
    OPEN,
    /** A worker has it. */
    RUNNING,
    /** Finished. */
    DONE,
    /** Ended without success. */
    FAILED;

    private TaskState kept() {
      return TaskState.valueOf(name());
    }

    private static State of(TaskState kept) {
      return valueOf(kept.name());
    }
  }

  private final Builder options;
  private final int rank;
  private final int workerCount;
  private final Communicator worker;

  /** The worker's ranks once more, for this class's own messages. */
  private final Communicator team;

  private final BatchServer server;

  /**
   * Makes a batch in memory, with all tasks OPEN. Collective.
   *
   * @param communicator its ranks, or null for this process alone
   * @param workerSize how many ranks are a worker; divides their number
   * @param taskCount how many tasks there are, at least 0
   */
  public MPIBatch(Communicator communicator, int workerSize, int taskCount) {
    this(builder(communicator, workerSize, taskCount));
  }

  private MPIBatch(Builder options) {
    this.options = options;
    Communicator own = Agreement.orAlone(options.communicator).duplicate();
    rank = own.rank();
    Tasks[] tasks = new Tasks[1];
    try {
      Agreement.onSame(own, () -> options.check(own.size()));
      Agreement.complete(own, () -> tasks[0] = rank == 0 ? options.tasks() : null);
    } catch (RuntimeException | Error e) {
      own.close();
      throw e;
    }
    workerCount = own.size() / options.workerSize;
    worker = own.split(rank / options.workerSize, rank);
    team = worker.duplicate();
    server = new BatchServer(own, options.workerSize, tasks[0]);
  }

  /**
   * Begins a batch with options. Not collective; {@link Builder#open} is.
   *
   * @param communicator its ranks, or null for this process alone
   * @param workerSize how many ranks are a worker; divides their number
   * @param taskCount how many tasks there are, at least 0
   * @return without a folder, all tasks OPEN
   */
  public static Builder builder(Communicator communicator, int workerSize, int taskCount) {
    return new Builder(communicator, workerSize, taskCount);
  }

  /**
   * Takes the first task that is OPEN, or in one of the given states, and marks it RUNNING.
   * Collective over the worker's ranks.
   *
   * <p>No task is taken twice by a batch because of its second state: what has become FAILED in
   * this batch is not taken again by {@code nextTask(FAILED)}, so that a loop ends. It takes what
   * was FAILED at the start, and what {@code setState} has made OPEN again. Tasks in a folder that
   * living jobs have are never taken.
   *
   * @param also {@code RUNNING}, {@code FAILED} or {@code DONE}: tasks in these states as well; the
   *     same on all ranks of the worker
   * @return the task's number, the same on all ranks of the worker; empty if there is none now
   * @throws java.io.UncheckedIOException if a file could not be read or written
   */
  public OptionalInt nextTask(State... also) {
    server.checkOpen();
    Agreement.onSame(team, () -> checkAgain(also));
    int bits = BatchServer.bits(EnumSet.of(State.OPEN, also).stream().map(State::kept).toList());
    List<ByteBuffer> answers =
        Agreement.exchange(
            team,
            () -> {
              int next = team.rank() == 0 ? server.ask(BatchServer.NEXT, worker(), 0, bits) : -1;
              return ByteBuffer.allocate(Integer.BYTES).putInt(next).array();
            });
    int next = answers.get(0).getInt();
    return next < 0 ? OptionalInt.empty() : OptionalInt.of(next);
  }

  /**
   * Says what has become of a task. When this returns, all ranks see it. Usually one rank of the
   * worker calls it, after all are done. In a folder, the state survives the machine's crash; and
   * unless it is RUNNING, the job's claim is given back.
   *
   * @param task its number
   * @param state its new state; OPEN has it taken again
   * @throws IllegalStateException if the task in the folder is another job's
   * @throws java.io.UncheckedIOException if a file could not be written
   */
  public void setState(int task, State state) {
    server.checkOpen();
    Objects.checkIndex(task, options.taskCount);
    server.ask(
        BatchServer.SET, worker(), task, Objects.requireNonNull(state, "state").kept().code());
  }

  /**
   * The state of a task: of one in a folder, what its file says.
   *
   * @param task its number
   * @return its state at the moment of asking
   * @throws java.io.UncheckedIOException if a file could not be read
   */
  public State getState(int task) {
    server.checkOpen();
    Objects.checkIndex(task, options.taskCount);
    return State.of(TaskState.of(server.ask(BatchServer.GET, worker(), task, 0)));
  }

  /**
   * The states of all tasks, one after the other as {@link #getState} tells them.
   *
   * @return by number
   */
  public List<State> states() {
    server.checkOpen();
    List<State> states = new ArrayList<>();
    IntStream.range(0, options.taskCount).forEach(task -> states.add(getState(task)));
    return states;
  }

  /**
   * How many tasks there are.
   *
   * @return at least 0
   */
  public int taskCount() {
    return options.taskCount;
  }

  /**
   * How many workers there are.
   *
   * @return at least 1
   */
  public int workerCount() {
    return workerCount;
  }

  /**
   * How many ranks are a worker.
   *
   * @return at least 1
   */
  public int workerSize() {
    return options.workerSize;
  }

  /**
   * The worker to which this rank belongs: its ranks follow each other.
   *
   * @return from 0 to {@code workerCount() - 1}
   */
  public int worker() {
    return rank / options.workerSize;
  }

  /**
   * This rank's number in its worker.
   *
   * @return from 0 to {@code workerSize() - 1}
   */
  public int workerRank() {
    return rank % options.workerSize;
  }

  /**
   * The ranks of the worker, for the tasks' own use.
   *
   * @return closed with the batch
   */
  public Communicator workerCommunicator() {
    return worker;
  }

  /**
   * The sub-folder of a task, for the task's own use as well.
   *
   * @param task its number
   * @return where its files are
   * @throws IllegalStateException if the batch has no folder
   */
  public Path folder(int task) {
    if (options.folder == null) {
      throw new IllegalStateException("This batch has no folder");
    }
    return options.folder.resolve(options.names.get(task));
  }

  /**
   * Ends this rank's part. Every rank is to close it. Claims on tasks that are still RUNNING are
   * given back when all have. Rank 0 waits for the others up to five seconds, and then serves them
   * from a thread for as long as it takes. Afterwards tasks and their states are an {@link
   * IllegalStateException}.
   */
  @Override
  public void close() {
    server.close();
    team.close();
    worker.close();
  }

  private static String checkAgain(State[] also) {
    for (State state : also) {
      if (!AGAIN.contains(state)) {
        throw new IllegalArgumentException(
            "Tasks can be taken again from %s, not from %s".formatted(AGAIN, state));
      }
    }
    return "tasks OPEN or in " + EnumSet.of(State.OPEN, also);
  }

  /** A batch with options, before it is opened. */
  public static final class Builder {

    private final Communicator communicator;
    private final int workerSize;
    private final int taskCount;
    private Path folder;
    private List<String> names = List.of();
    private List<State> initial;

    private Builder(Communicator communicator, int workerSize, int taskCount) {
      this.communicator = communicator;
      this.workerSize = workerSize;
      this.taskCount = taskCount;
    }

    /**
     * Has the states in files. The folders are made if they are missing.
     *
     * @param root the folder above those of the tasks
     * @param taskNames for each task the name of its sub-folder; all different
     * @return this
     */
    public Builder folder(Path root, List<String> taskNames) {
      folder = Objects.requireNonNull(root, "root");
      names = List.copyOf(taskNames);
      return this;
    }

    /**
     * Has tasks begin with other states than OPEN. In a folder it counts for tasks that have no
     * state there yet. Only rank 0's are looked at.
     *
     * @param states for each task its own
     * @return this
     */
    public Builder initialStates(List<State> states) {
      initial = List.copyOf(states);
      return this;
    }

    /**
     * Makes the batch. Collective.
     *
     * @return to be closed by every rank
     * @throws java.io.UncheckedIOException if files could not be read or written
     */
    public MPIBatch open() {
      return new MPIBatch(this);
    }

    /** What all ranks have to agree on. */
    private String check(int size) {
      if (workerSize < 1 || size % workerSize != 0) {
        throw new IllegalArgumentException(
            "%d ranks cannot be divided into workers of %d".formatted(size, workerSize));
      }
      if (taskCount < 0) {
        throw new IllegalArgumentException("A batch has no %d tasks".formatted(taskCount));
      }
      if (folder != null) {
        checkNames();
      }
      int fingerprint = names.hashCode();
      return "%d tasks for workers of %d in folder %s (names %x)"
          .formatted(taskCount, workerSize, folder, fingerprint);
    }

    private void checkNames() {
      if (names.size() != taskCount) {
        throw new IllegalArgumentException(
            "There are %d names for %d tasks".formatted(names.size(), taskCount));
      }
      Set<String> different = new HashSet<>();
      for (String name : names) {
        if (name.isEmpty() || name.contains("/") || name.equals(".") || name.equals("..")) {
          throw new IllegalArgumentException("\"" + name + "\" is no name of a sub-folder");
        }
        if (!different.add(name)) {
          throw new IllegalArgumentException("Two tasks are called " + name);
        }
      }
    }

    /** On rank 0. */
    private Tasks tasks() throws IOException {
      if (initial != null && initial.size() != taskCount) {
        throw new IllegalArgumentException(
            "There are %d states for %d tasks".formatted(initial.size(), taskCount));
      }
      TaskState[] states =
          initial != null
              ? initial.stream().map(State::kept).toArray(TaskState[]::new)
              : Collections.nCopies(taskCount, TaskState.OPEN).toArray(TaskState[]::new);
      return folder == null
          ? Tasks.inMemory(new TaskTable(states))
          : new TaskFolders(folder, names, states);
    }
  }
}
