package dev.mpipool.files;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Claims on folders: which of several jobs works in which. A folder is claimed by one at a time,
 * whatever crashes and whatever happens at the same time.
 *
 * <p>The protocol. A claim is a file {@code claim.N}, made by a call that fails if it exists. Only
 * its owner removes it, or the successor of a dead owner. To take a folder:
 *
 * <ol>
 *   <li>look at the claims there. If the owner of any lives, the folder is taken;
 *   <li>make the file with the next higher number. If that exists, another process was quicker;
 *   <li>look again: besides one's own there are the very files that were there before, whose owners
 *       are dead; else give up. This excludes processes that looked, slept, and missed how others
 *       took the folder, and perhaps left it again: of two processes that make different files at
 *       the same time, at least the second sees the other's;
 *   <li>remove the files of the dead.
 * </ol>
 *
 * <p>An owner on this machine lives if its process does. Others are told from the dead by the
 * file's time, which living owners keep fresh; it is compared with the time of a new file in the
 * same folder, so clocks need not agree.
 */
public final class Claims implements AutoCloseable {

  /** How old the file of a process on another machine may become. */
  public static final Duration STALE = Duration.ofSeconds(60);

  private static final Logger LOG = LoggerFactory.getLogger(Claims.class);

  private static final String PREFIX = "claim.";

  private final String job;
  private final long staleMillis;
  private final Set<Claim> held = ConcurrentHashMap.newKeySet();
  private final ScheduledThreadPoolExecutor refresher;

  /**
   * Starts a thread that keeps claims fresh, for one job.
   *
   * @param job what the files say of it, for people; one line
   */
  public Claims(String job) {
    this(job, STALE);
  }

  Claims(String job, Duration stale) {
    this.job = Objects.requireNonNull(job, "job").replace('\n', ' ');
    staleMillis = stale.toMillis();
    refresher = new ScheduledThreadPoolExecutor(1, Claims::thread);
    long period = Math.max(1, staleMillis / 6);
    refresher.scheduleWithFixedDelay(this::refresh, period, period, TimeUnit.MILLISECONDS);
  }

  /**
   * Claims a folder, unless a living process has.
   *
   * @param folder exists
   * @return empty if it is claimed, by this job included
   * @throws IOException if files there could not be read or written
   */
  public Optional<Claim> claim(Path folder) throws IOException {
    SortedMap<Integer, String> before = present(folder);
    if (living(folder, before).isPresent()) {
      return Optional.empty();
    }
    String text = "job " + job + "\n" + ProcessId.own().toText() + "claim " + UUID.randomUUID();
    byte[] content = (text + "\n").getBytes(UTF_8);
    int number = before.isEmpty() ? 1 : before.lastKey() + 1;
    Path mine = file(folder, number);
    if (!WholeFile.create(mine, content)) {
      return Optional.empty();
    }
    SortedMap<Integer, String> after = present(folder);
    after.remove(number);
    if (!after.equals(before)) {
      Files.deleteIfExists(mine);
      return Optional.empty();
    }
    for (int dead : before.keySet()) {
      Files.deleteIfExists(file(folder, dead));
    }
    Claim claim = new Claim(this, mine, content);
    held.add(claim);
    return Optional.of(claim);
  }

  /**
   * The process that works in a folder.
   *
   * @param folder exists
   * @return what the claim of a living process says, for people; empty if there is none
   * @throws IOException if files there could not be read or written
   */
  public Optional<String> owner(Path folder) throws IOException {
    return living(folder, present(folder)).map(text -> text.strip().replace("\n", ", "));
  }

  /** Gives all claims back, and ends the thread. */
  @Override
  public void close() {
    refresher.shutdownNow();
    List.copyOf(held).forEach(Claim::close);
  }

  void forget(Claim claim) {
    held.remove(claim);
  }

  private void refresh() {
    for (Claim claim : held) {
      try {
        claim.refresh();
      } catch (IOException | RuntimeException e) {
        LOG.warn("A claim could not be kept fresh; others may take this process for dead", e);
      }
    }
  }

  /** What the claim of a living owner says, if there is one. */
  private Optional<String> living(Path folder, SortedMap<Integer, String> claims)
      throws IOException {
    for (Map.Entry<Integer, String> claim : claims.entrySet()) {
      if (!isDead(file(folder, claim.getKey()), claim.getValue())) {
        return Optional.of(claim.getValue());
      }
    }
    return Optional.empty();
  }

  private boolean isDead(Path file, String content) throws IOException {
    Map<String, String> lines =
        content
            .lines()
            .filter(line -> line.indexOf(' ') > 0)
            .collect(
                Collectors.toMap(
                    line -> line.substring(0, line.indexOf(' ')),
                    line -> line.substring(line.indexOf(' ') + 1),
                    (first, second) -> first));
    try {
      ProcessId owner = ProcessId.of(lines);
      if (owner.isNear()) {
        return !owner.isAlive();
      }
    } catch (IllegalArgumentException e) {
      LOG.debug("{} is not complete; its age decides", file, e);
    }
    return isStale(file);
  }

  private boolean isStale(Path file) throws IOException {
    Path now = Files.createTempFile(file.toAbsolutePath().getParent(), ".now", ".tmp");
    try {
      long age =
          Files.getLastModifiedTime(now).toMillis() - Files.getLastModifiedTime(file).toMillis();
      return age > staleMillis;
    } catch (NoSuchFileException e) {
      return false; // its owner has just given it back; the next look tells
    } finally {
      Files.deleteIfExists(now);
    }
  }

  private static Path file(Path folder, int number) {
    return folder.resolve(PREFIX + number);
  }

  /** The claims in a folder: what they say, by number. */
  private static SortedMap<Integer, String> present(Path folder) throws IOException {
    SortedMap<Integer, String> claims = new TreeMap<>();
    try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, PREFIX + "*")) {
      for (Path file : found) {
        String number = file.getFileName().toString().substring(PREFIX.length());
        if (number.matches("[1-9]\\d{0,8}")) {
          try {
            claims.put(Integer.parseInt(number), Files.readString(file));
          } catch (NoSuchFileException e) {
            LOG.debug("{} has just been given back", file, e);
          }
        }
      }
    }
    return claims;
  }

  private static Thread thread(Runnable task) {
    Thread thread = new Thread(task, "mpipool-claims");
    thread.setDaemon(true);
    return thread;
  }
}
