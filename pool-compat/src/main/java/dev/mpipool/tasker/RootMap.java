package dev.mpipool.tasker;

import dev.mpipool.files.DamagedFileException;
import dev.mpipool.files.ResultFolder;
import dev.mpipool.files.ResultReader;
import dev.mpipool.files.TaskList;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.LongFunction;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A map on the root: checks which results exist, has the other tasks run, and writes the file. When
 * it ends without an exception, the file exists and is whole.
 */
final class RootMap {

  private static final Logger LOG = LoggerFactory.getLogger(RootMap.class);

  private static final int MOST_NAMED = 5;

  private final Path file;
  private final Path folder;
  private final TaskArguments<?> arguments;
  private final OnChange onChange;

  /** The state in which the file was found. */
  private enum State {
    MISSING,
    WHOLE,
    DAMAGED,
    CHANGED
  }

  /** Runs the tasks that have no saved result. */
  @FunctionalInterface
  interface TaskRunner {
    void runMissing(ResultFolder results) throws IOException;
  }

  RootMap(Path file, TaskArguments<?> arguments, OnChange onChange) {
    this.file = file;
    this.folder = folder(file);
    this.arguments = arguments;
    this.onChange = onChange;
  }

  static Path folder(Path file) {
    return file.resolveSibling(file.getFileName() + ".mpi");
  }

  void run(TaskRunner tasks, String job) throws IOException {
    if (look() == State.WHOLE) {
      LOG.info("load {}: {} results", file, arguments.count());
      tidy(job);
      return;
    }
    try (ResultFolder results = new ResultFolder(folder, job)) {
      State state = look(); // once more: another run may have finished before the folder was ours
      if (state == State.WHOLE) {
        results.remove();
        return;
      }
      prepare(results);
      if (state == State.DAMAGED) {
        rescue(results);
      }
      LOG.info(
          "execute {} of {} tasks of {}; {} results are loaded from {}",
          arguments.count() - results.count(),
          arguments.count(),
          file,
          results.count(),
          folder);
      tasks.runMissing(results);
      if (state == State.DAMAGED) {
        Files.move(file, damagedCopy(), StandardCopyOption.REPLACE_EXISTING);
      }
      results.finish(file);
      LOG.info("save {}: {} results", file, arguments.count());
    }
  }

  private Path damagedCopy() {
    return file.resolveSibling(file.getFileName() + ".damaged");
  }

  private State look() throws IOException {
    try {
      TaskList found = ResultReader.check(file);
      if (found.equals(arguments.list())) {
        return State.WHOLE;
      }
      changed(file, found, fingerprintsOf(file));
      return State.CHANGED;
    } catch (NoSuchFileException e) {
      return State.MISSING;
    } catch (DamagedFileException e) {
      LOG.warn(
          "{}; it is computed anew where that is so, and kept as {}",
          e.getMessage(),
          damagedCopy().getFileName());
      return State.DAMAGED;
    }
  }

  private static LongFunction<OptionalLong> fingerprintsOf(Path file) throws IOException {
    List<Long> fingerprints = new ArrayList<>();
    try (ResultReader reader = new ResultReader(file)) {
      for (ResultReader.Entry each = reader.next(); each != null; each = reader.next()) {
        fingerprints.add(each.fingerprint());
      }
    }
    return index ->
        index < fingerprints.size()
            ? OptionalLong.of(fingerprints.get((int) index))
            : OptionalLong.empty();
  }

  /** Makes sure that all results in the folder are of these tasks. */
  private void prepare(ResultFolder results) throws IOException {
    for (TaskList found : results.found()) {
      if (!found.equals(arguments.list())) {
        changed(
            folder,
            found,
            index ->
                results.has(index)
                    ? OptionalLong.of(results.fingerprint(index))
                    : OptionalLong.empty());
        results.clear();
        break;
      }
    }
    results.begin(arguments.list());
  }

  private void rescue(ResultFolder results) throws IOException {
    try (ResultReader reader = new ResultReader(file)) {
      if (!reader.tasks().equals(arguments.list())) {
        return;
      }
    } catch (DamagedFileException e) {
      LOG.debug("Nothing of {} can be read", file, e);
      return;
    }
    LOG.info("{} results of {} are right", results.rescue(file), file);
  }

  /** Removes the folder that a run left which was killed just after it had written the file. */
  private void tidy(String job) {
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (ResultFolder left = new ResultFolder(folder, job)) {
      if (left.found().stream().allMatch(arguments.list()::equals)) {
        left.remove();
      }
    } catch (IOException | RuntimeException e) {
      LOG.debug("{} stays", folder, e);
    }
  }

  private void changed(Path where, TaskList found, LongFunction<OptionalLong> fingerprint) {
    String what = difference(found, fingerprint);
    if (onChange == OnChange.FAIL) {
      throw new TasksChangedException(
          "The results in %s are of other tasks: %s. Remove them, map to another file, or ask for onChange(RECOMPUTE)"
              .formatted(where, what));
    }
    LOG.info("recompute {}: {}", file, what);
  }

  private String difference(TaskList found, LongFunction<OptionalLong> fingerprint) {
    TaskList wanted = arguments.list();
    List<String> differences = new ArrayList<>();
    if (!found.version().equals(wanted.version())) {
      differences.add("the version was %s and is %s".formatted(quoted(found), quoted(wanted)));
    }
    if (found.count() != wanted.count()) {
      differences.add("there were %d tasks and are %d".formatted(found.count(), wanted.count()));
    }
    List<Integer> others = new ArrayList<>();
    for (int i = 0; i < arguments.count(); i++) {
      OptionalLong was = fingerprint.apply(i);
      if (was.isPresent() && was.getAsLong() != arguments.fingerprint(i)) {
        others.add(i);
      }
    }
    if (!others.isEmpty()) {
      differences.add(named(others));
    } else if (differences.isEmpty()) {
      differences.add("arguments have changed, of tasks that had no result yet");
    }
    return String.join("; ", differences);
  }

  private static String quoted(TaskList list) {
    return list.version().map("\"%s\""::formatted).orElse("none");
  }

  private String named(List<Integer> others) {
    String some =
        others.stream()
            .limit(MOST_NAMED)
            .map(i -> "%d (now %s)".formatted(i, shortText(arguments.get(i))))
            .collect(Collectors.joining(", "));
    return "%d arguments have changed, of the tasks %s%s"
        .formatted(others.size(), some, others.size() > MOST_NAMED ? ", ..." : "");
  }

  private static String shortText(Object argument) {
    String text = String.valueOf(argument);
    return text.length() > 40 ? text.substring(0, 40) + "..." : text;
  }
}
