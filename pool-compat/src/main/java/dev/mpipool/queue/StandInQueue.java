package dev.mpipool.queue;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A batch queue in a folder, for tests of programs that use a {@link QueuePool}: small programs
 * {@code qsub}, {@code qstat}, {@code qdel}, {@code sbatch}, {@code squeue} and {@code scancel}, as
 * far as a pool uses them, for one kind of scheduler at a time. Jobs run as processes of this
 * machine. What real queues do on bad days happens when it is asked for.
 *
 * <pre>{@code
 * StandInQueue queue = StandInQueue.install(folder, 2);
 * queue.failNext(1);
 * QueuePool pool = new QueuePool(queue.gridEngine().build());
 * }</pre>
 *
 * <p>It takes a POSIX shell. Any number of processes may use one folder.
 */
public final class StandInQueue {

  private static final List<String> PROGRAMS =
      List.of("qsub", "qstat", "qdel", "sbatch", "squeue", "scancel");

  private static final Logger LOG = LoggerFactory.getLogger(StandInQueue.class);

  private final Path bin;
  private final Path queue;

  private StandInQueue(Path folder) {
    bin = folder.toAbsolutePath().resolve("bin");
    queue = folder.toAbsolutePath().resolve("queue");
  }

  /**
   * Installs the programs, with an empty queue.
   *
   * @param folder is made if it does not exist; holds no other such queue
   * @param slots how many jobs run at a time, at least 1
   * @return the queue
   * @throws UncheckedIOException if the folder cannot be written
   */
  public static StandInQueue install(Path folder, int slots) {
    if (slots < 1) {
      throw new IllegalArgumentException("At least one job has to run, not %d".formatted(slots));
    }
    StandInQueue installed = new StandInQueue(folder);
    try (InputStream script = StandInQueue.class.getResourceAsStream("stand-in.sh")) {
      Files.createDirectories(installed.bin);
      Files.createDirectories(installed.queue.resolve("jobs"));
      Path program = installed.bin.resolve("stand-in.sh");
      Files.copy(script, program);
      Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
      for (String name : PROGRAMS) {
        Files.createSymbolicLink(installed.bin.resolve(name), program.getFileName());
      }
      Files.writeString(installed.queue.resolve("slots"), slots + "\n");
      Files.writeString(installed.queue.resolve("last"), "0\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return installed;
  }

  /**
   * The folder with the programs, to be put on a path.
   *
   * @return absolute
   */
  public Path bin() {
    return bin;
  }

  /**
   * Grid Engine on this queue.
   *
   * @return a builder in which the programs are set
   */
  public GridEngineScheduler.Builder gridEngine() {
    return GridEngineScheduler.builder()
        .programs(program("qsub"), program("qstat"), program("qdel"));
  }

  /**
   * Slurm on this queue.
   *
   * @return a builder in which the programs are set
   */
  public SlurmScheduler.Builder slurm() {
    return SlurmScheduler.builder()
        .programs(program("sbatch"), program("squeue"), program("scancel"));
  }

  private String program(String name) {
    return bin.resolve(name).toString();
  }

  /**
   * Lets every program fail, or work again. Jobs that run go on.
   *
   * @param down whether the queue is down
   */
  public void setDown(boolean down) {
    try {
      if (down) {
        Files.writeString(queue.resolve("down"), "");
      } else {
        Files.deleteIfExists(queue.resolve("down"));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Lets the next jobs that are submitted go into the error state.
   *
   * @param jobs how many
   */
  public void failNext(int jobs) {
    try {
      Files.writeString(queue.resolve("fail-next"), jobs + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Takes a job out of the queue, as its owner or an administrator might do behind the pool's back.
   *
   * @param id one of {@link #jobs}
   * @throws InterruptedException if the thread is interrupted
   */
  public void delete(String id) throws InterruptedException {
    try {
      Command.run(List.of(program("qdel"), id), Duration.ofSeconds(30));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The jobs in the queue. What has ended since any program was called is still among them.
   *
   * @return their ids
   */
  public List<String> jobs() {
    return jobs(null);
  }

  /**
   * The jobs in a state.
   *
   * @param wanted {@code pending}, {@code running} or {@code error}; null for any
   * @return their ids
   */
  public List<String> jobs(String wanted) {
    List<String> ids = new ArrayList<>();
    try (Stream<Path> found = Files.list(queue.resolve("jobs"))) {
      for (Path job : found.sorted().toList()) {
        try {
          String state = Files.readString(job.resolve("state")).strip();
          if (wanted == null || wanted.equals(state)) {
            ids.add(Files.readAllLines(job.resolve("job")).get(0));
          }
        } catch (NoSuchFileException e) {
          LOG.debug("{} is gone meanwhile", job, e);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return ids;
  }
}
