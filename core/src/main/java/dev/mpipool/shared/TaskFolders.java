package dev.mpipool.shared;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.mpipool.files.Claim;
import dev.mpipool.files.Claims;
import dev.mpipool.files.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tasks whose states are files: {@code folder/name/state} holds the plain word. The file is the
 * truth; a table in memory remembers what was seen, so that each task is looked at once, and those
 * that other jobs have again when nothing else is left.
 *
 * <p>A job works on a task, and writes its state, only with a {@link Claim} on the task's folder.
 * So a task that is RUNNING without a claim is one whose job has crashed, and as good as OPEN.
 */
final class TaskFolders implements Tasks {

  private static final Logger LOG = LoggerFactory.getLogger(TaskFolders.class);

  private static final String STATE = "state";

  private final Path root;
  private final List<String> names;
  private final TaskTable table;
  private final Claims claims;
  private final Map<Integer, Claim> claimed = new HashMap<>();

  /** Tasks that other jobs had when this one looked. */
  private final BitSet elsewhere = new BitSet();

  /** Makes the folders that are missing, with the initial states. */
  TaskFolders(Path root, List<String> names, TaskState[] initial) throws IOException {
    this.root = root;
    this.names = names;
    for (int task = 0; task < names.size(); task++) {
      Path file = file(task);
      if (!Files.exists(file)) {
        Files.createDirectories(file.getParent());
        WholeFile.create(file, text(initial[task]));
      }
    }
    TaskState[] unknown = new TaskState[names.size()];
    Arrays.fill(unknown, TaskState.OPEN);
    table = new TaskTable(unknown);
    claims = new Claims("MPIBatch in " + root.toAbsolutePath());
  }

  @Override
  public int next(Set<TaskState> from, int worker) throws IOException {
    for (int task = table.next(from, worker); ; task = table.next(from, worker)) {
      if (task < 0) {
        if (!lookElsewhere(from)) {
          return -1;
        }
      } else if (claim(task, from)) {
        return task;
      }
    }
  }

  @Override
  public TaskState get(int task) throws IOException {
    String word;
    try {
      word = Files.readString(file(task)).strip();
    } catch (NoSuchFileException e) {
      return TaskState.OPEN;
    }
    if (word.isEmpty()) {
      return TaskState.OPEN; // the machine crashed while it was made
    }
    try {
      return TaskState.valueOf(word);
    } catch (IllegalArgumentException e) {
      throw new IOException(
          "%s says \"%s\", which is none of %s"
              .formatted(file(task), word, Arrays.toString(TaskState.values())),
          e);
    }
  }

  @Override
  public void set(int task, TaskState state) throws IOException {
    Claim claim = claimed.get(task);
    if (claim != null && !claim.isHeld()) {
      claimed.remove(task);
      table.set(task, TaskState.RUNNING);
      elsewhere.set(task);
      throw new IllegalStateException(
          "Task %s is another job's now: this job was silent for too long and was taken for dead"
              .formatted(names.get(task)));
    }
    if (claim == null) {
      claim =
          claims
              .claim(folder(task))
              .orElseThrow(
                  () ->
                      new IllegalStateException(
                          "Task %s is another job's".formatted(names.get(task))));
      claimed.put(task, claim);
    }
    WholeFile.write(file(task), text(state));
    table.set(task, state);
    if (state != TaskState.RUNNING) {
      claimed.remove(task);
      claim.close();
    }
  }

  @Override
  public void lost(int worker) throws IOException {
    for (int task : table.runningOn(worker)) {
      set(task, TaskState.OPEN);
    }
  }

  @Override
  public void close() {
    claimed.clear();
    claims.close();
  }

  Path folder(int task) {
    return root.resolve(names.get(task));
  }

  /** Claims a task that the table has just given, unless the truth is that it cannot be taken. */
  private boolean claim(int task, Set<TaskState> from) throws IOException {
    Optional<Claim> claim = claims.claim(folder(task));
    if (claim.isEmpty()) {
      table.set(task, TaskState.RUNNING);
      elsewhere.set(task);
      return false;
    }
    TaskState found = get(task);
    if (found != TaskState.RUNNING && !from.contains(found)) {
      claim.get().close();
      table.putBack(task, found);
      return false;
    }
    if (found == TaskState.RUNNING) {
      LOG.info("{} was left RUNNING by a job that has ended", folder(task));
    }
    WholeFile.writeQuickly(file(task), text(TaskState.RUNNING));
    claimed.put(task, claim.get());
    return true;
  }

  /** Looks again at what other jobs had; whether some of it can be tried. */
  private boolean lookElsewhere(Set<TaskState> from) throws IOException {
    boolean found = false;
    for (int task = elsewhere.nextSetBit(0); task >= 0; task = elsewhere.nextSetBit(task + 1)) {
      if (claims.owner(folder(task)).isEmpty()) {
        TaskState state = get(task) == TaskState.RUNNING ? TaskState.OPEN : get(task);
        elsewhere.clear(task);
        table.putBack(task, state);
        found |= from.contains(state);
      }
    }
    return found;
  }

  private Path file(int task) {
    return folder(task).resolve(STATE);
  }

  private static byte[] text(TaskState state) {
    return (state + "\n").getBytes(UTF_8);
  }
}
