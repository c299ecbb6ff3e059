package dev.mpipool.files;

import dev.mpipool.signal.Termination;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Results of tasks in a folder, each saved as soon as it is there, for a run that goes on after
 * this one was killed.
 *
 * <p>The folder belongs to one process at a time ({@link Claims}). Each run appends its results to
 * a file of its own, {@code results.N}, and never touches those of others; so there are as many
 * files as runs, however many tasks. The layout is {@link ResultFormat}'s. A record that its writer
 * did not end, for it was killed, is passed over; one that is damaged as well, with a warning that
 * names the file. Both are as if they had never been saved.
 *
 * <p><b>Read only.</b> A folder in which this process may not write, for it has no permission to,
 * or the disk is mounted for reading, belongs to no one: all that is there can be read, and
 * whatever would be saved fails.
 *
 * <p><b>What survives.</b> When {@link #save} returns, the system has the record: it survives this
 * process, however it ends. The machine's own crash it survives a second later, when a thread has
 * had it written to the disk.
 *
 * <p>May be called from any threads, interrupted or not.
 */
public final class ResultFolder implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(ResultFolder.class);

  private static final String PREFIX = "results.";
  private static final String WHOLE = "whole";
  private static final int ATTEMPTS = 10;

  private final Path folder;
  private final Claims claims;

  /** Null if nothing can be written here. */
  private Claim claim;

  private final List<TaskList> found = new ArrayList<>();
  private final List<Path> files = new ArrayList<>();
  private final Map<Long, Place> places = new HashMap<>();
  private final Map<Path, RandomAccessFile> open = new HashMap<>();
  private int lastNumber;
  private TaskList tasks;
  private ResultAppender appender;
  private boolean closed;

  /** Removes what runs at the end of the process. */
  private Runnable atTermination = () -> {};

  /** Where a result is. */
  private record Place(Path file, long position, int length, long fingerprint) {}

  /**
   * Claims a folder, makes it if it is missing, and reads what is there.
   *
   * @param folder of results only
   * @param job the claimant's name, for messages
   * @throws FolderInUseException if a living process has it
   * @throws IOException if it cannot be made, read, or written
   */
  public ResultFolder(Path folder, String job) throws IOException {
    this(folder, job, Files.isDirectory(folder) && !Files.isWritable(folder));
  }

  ResultFolder(Path folder, String job, boolean readOnly) throws IOException {
    this.folder = folder;
    claims = new Claims(job);
    try {
      claim = readOnly ? null : claim();
      for (Path file : existing()) {
        load(file);
      }
    } catch (IOException | RuntimeException e) {
      closeFiles();
      claims.close();
      throw e;
    }
  }

  /** The folder may vanish between its making and the claim: its owner has just finished. */
  private Claim claim() throws IOException {
    for (int attempt = 1; ; attempt++) {
      Files.createDirectories(folder);
      try {
        Optional<Claim> taken = claims.claim(folder);
        Optional<String> owner = taken.isPresent() ? Optional.empty() : claims.owner(folder);
        if (taken.isPresent()) {
          return taken.get();
        }
        if (owner.isPresent() || attempt == ATTEMPTS) {
          throw new FolderInUseException(folder, owner.orElse("an owner that comes and goes"));
        }
      } catch (NoSuchFileException e) {
        if (attempt == ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  private List<Path> existing() throws IOException {
    List<Path> existing = new ArrayList<>();
    try (DirectoryStream<Path> inside = Files.newDirectoryStream(folder)) {
      for (Path file : inside) {
        String name = file.getFileName().toString();
        if (name.matches(PREFIX + "\\d{1,9}")) {
          lastNumber = Math.max(lastNumber, number(file));
          existing.add(file);
        } else if (name.startsWith("." + WHOLE) && claim != null) {
          Files.deleteIfExists(file); // its writer was killed
        }
      }
    }
    existing.sort((a, b) -> Integer.compare(number(a), number(b)));
    return existing;
  }

  private static int number(Path file) {
    return Integer.parseInt(file.getFileName().toString().substring(PREFIX.length()));
  }

  private void load(Path file) throws IOException {
    files.add(file);
    if (Files.size(file) < ResultFormat.HEADER_BYTES) {
      return; // its writer was killed before it had anything to save
    }
    try (ResultReader reader = new ResultReader(file)) {
      found.add(reader.tasks());
      for (ResultReader.Entry record = reader.next(); record != null; record = reader.next()) {
        if (record.result() == null) {
          LOG.warn(
              "{} is damaged: the result of task {} has to be computed anew", file, record.index());
        } else {
          places.put(
              record.index(),
              new Place(
                  file, record.position(), record.result().remaining(), record.fingerprint()));
        }
      }
      if (reader.isTorn()) {
        LOG.info("{} was not written to its end; what was under way is computed anew", file);
      } else if (reader.damage().isPresent()) {
        LOG.warn("{} is damaged: {}; what was there is computed anew", file, reader.damage().get());
      }
    } catch (DamagedFileException e) {
      LOG.warn("{}; what was there is computed anew", e.getMessage());
    }
  }

  /**
   * Which tasks the results here belong to.
   *
   * @return one for each file that says so; all the same, unless files of several folders were
   *     mixed
   */
  public synchronized List<TaskList> found() {
    return List.copyOf(found);
  }

  /**
   * How many results there are.
   *
   * @return at least 0
   */
  public synchronized int count() {
    return places.size();
  }

  /**
   * Whether a task has a result.
   *
   * @param index the task
   * @return true if {@link #read} can be called
   */
  public synchronized boolean has(long index) {
    return places.containsKey(index);
  }

  /**
   * The fingerprint of a task's argument.
   *
   * @param index a task that has a result
   * @return as it was saved
   */
  public synchronized long fingerprint(long index) {
    return place(index).fingerprint;
  }

  /**
   * A result.
   *
   * @param index a task that has one
   * @return as it was saved
   * @throws DamagedFileException if it is not, any more
   * @throws IOException if it cannot be read
   */
  public synchronized byte[] read(long index) throws IOException {
    Place place = place(index);
    RandomAccessFile file = open.get(place.file);
    if (file == null) {
      file = new RandomAccessFile(place.file.toFile(), "r");
      open.put(place.file, file);
    }
    byte[] record = new byte[ResultFormat.HEAD_BYTES + place.length];
    file.seek(place.position);
    file.readFully(record);
    ByteBuffer bytes = ByteBuffer.wrap(record);
    Optional<ResultFormat.Head> head = ResultFormat.Head.read(bytes);
    byte[] result = new byte[place.length];
    bytes.get(result);
    if (head.isEmpty()
        || head.get().index() != index
        || head.get().checksum() != ResultFormat.crc(ByteBuffer.wrap(result))) {
      throw new DamagedFileException(
          place.file, "the result of task %d has changed".formatted(index));
    }
    return result;
  }

  private Place place(long index) {
    Place place = places.get(index);
    if (place == null) {
      throw new NoSuchElementException("There is no result of task " + index);
    }
    return place;
  }

  /**
   * Says which tasks the results to come belong to; before the first {@link #save}. From now on, a
   * signal that ends the process, or announces its end, has what is saved written to the disk, and
   * a line on standard error says how much that is.
   *
   * @param list the tasks
   */
  public synchronized void begin(TaskList list) {
    tasks = Objects.requireNonNull(list, "list");
    if (claim != null) {
      atTermination.run();
      atTermination = Termination.add(this::sayProgress, true);
    }
  }

  private synchronized void sayProgress() {
    if (!closed) {
      if (appender != null) {
        appender.sync();
      }
      String all = tasks.count() == TaskList.UNKNOWN ? "" : " of " + tasks.count();
      System.err.printf("mpipool: %s: %d%s results are saved%n", folder, places.size(), all);
    }
  }

  /**
   * Saves a result. After a failure others can be saved; this one is as if it had never been.
   *
   * @param index the task, at least 0
   * @param fingerprint of its argument
   * @param result encoded; not changed
   * @throws IOException if it could not be written, for example as the disk is full
   */
  public synchronized void save(long index, long fingerprint, ByteBuffer result)
      throws IOException {
    if (closed) {
      throw new IOException(folder + " has been given back");
    }
    checkWritable();
    if (appender == null) {
      lastNumber++;
      Path file = folder.resolve(PREFIX + lastNumber);
      appender = new ResultAppender(file, Objects.requireNonNull(tasks, "begin comes first"));
      files.add(file);
    }
    long position = appender.append(ResultFormat.record(index, fingerprint, result));
    places.put(index, new Place(appender.file(), position, result.remaining(), fingerprint));
  }

  private void checkWritable() throws IOException {
    if (claim == null) {
      throw new ReadOnlyFolderException(folder);
    }
  }

  /**
   * Takes over what is right in a file of results that is damaged elsewhere.
   *
   * @param file made for the tasks that {@link #begin} has named
   * @return how many results came from it
   * @throws IOException if it could not be read, or what is there not be saved
   */
  public synchronized int rescue(Path file) throws IOException {
    int rescued = 0;
    try (ResultReader reader = new ResultReader(file)) {
      for (ResultReader.Entry record = reader.next(); record != null; record = reader.next()) {
        if (record.result() != null && !has(record.index())) {
          save(record.index(), record.fingerprint(), record.result());
          rescued++;
        }
      }
    }
    return rescued;
  }

  /**
   * Removes all results, for they are of no use any more.
   *
   * @throws IOException if a file could not be removed
   */
  public synchronized void clear() throws IOException {
    checkWritable();
    closeFiles();
    places.clear();
    found.clear();
    for (Path file : files) {
      Files.deleteIfExists(file);
    }
    files.clear();
  }

  /**
   * Makes one file of all results, in the order of the tasks, and removes the folder. The file is
   * there whole or not at all, and survives the machine's crash. It holds nothing but tasks and
   * results: two runs with the same results make the same file.
   *
   * @param file on the same file system as the folder
   * @throws IOException if a result is missing, or the file could not be written; the results stay
   */
  public synchronized void finish(Path file) throws IOException {
    checkWritable();
    if (!claim.isHeld()) {
      throw new FolderInUseException(folder, "another run, which took this one for dead");
    }
    Path whole = folder.resolve(WHOLE);
    WholeFile.write(
        whole,
        out -> {
          out.write(ResultFormat.header(tasks));
          for (long index = 0; index < tasks.count(); index++) {
            ResultFormat.write(out, index, fingerprint(index), read(index));
          }
        });
    Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE);
    WholeFile.syncFolder(file);
    remove();
  }

  /**
   * Removes the folder with all results, and gives it back.
   *
   * @throws IOException if a file could not be removed
   */
  public synchronized void remove() throws IOException {
    clear();
    close();
    try {
      Files.deleteIfExists(folder);
    } catch (DirectoryNotEmptyException e) {
      LOG.debug("Another process has a file in {}", folder, e);
    }
  }

  private void closeFiles() throws IOException {
    if (appender != null) {
      appender.close();
      appender = null;
    }
    for (RandomAccessFile file : open.values()) {
      file.close();
    }
    open.clear();
  }

  /** Gives the folder back. The results stay. */
  @Override
  public synchronized void close() throws IOException {
    closed = true;
    atTermination.run();
    try {
      closeFiles();
    } finally {
      claims.close();
    }
  }

  @Override
  public String toString() {
    return folder.toString();
  }
}
