package dev.mpipool.queue;

import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A program with a pool, for tests that end it, or that have to run it as another user. Arguments:
 * scheduler, scenario, a folder of its own. It prints what the pool says, and RESULT with the sum
 * of all results at the end; each task gives the square of its number.
 */
final class QueueProgram {

  private static final long LONGEST_WAIT_SECONDS = 100;

  private QueueProgram() {}

  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[2]).toAbsolutePath();
    Files.createDirectories(folder);
    String marks = folder.toString(); // a Path cannot travel
    Scheduler scheduler = scheduler(args[0], folder);
    List<Integer> results =
        switch (args[1]) {
          case "thirty" -> pool(scheduler, folder).build().map(i -> i * i, range(30));
          case "thousand" ->
              pool(scheduler, folder).chunks(50).build().map(i -> i * i, range(1000));
          case "array" ->
              pool(scheduler, folder)
                  .build()
                  .map(i -> i * i, range(Integer.getInteger("queue.array")));
          case "unwritable" ->
              pool(new Unwritable(scheduler), folder).build().map(i -> i * i, range(3));
          case "killed" -> pool(scheduler, folder).build().map(i -> killedOnce(marks, i), range(4));
          case "deleted" -> {
            Watched watched = new Watched(scheduler);
            Thread thread = new Thread(() -> deleteBehindItsBack(args[0], watched, folder));
            thread.start();
            List<Integer> all =
                pool(watched, folder).build().map(i -> stuckOnce(marks, i), range(4));
            thread.join();
            yield all;
          }
          case "slow" -> pool(scheduler, folder).build().map(i -> slow(marks, i), range(12));
          case "waiting" -> pool(scheduler, folder).build().map(i -> waiting(marks, i), range(4));
          case "environment" -> {
            List<String> there =
                pool(scheduler, folder).build().map(i -> environment(), List.of(0)).get(0);
            List<String> here = environment();
            here.forEach(
                entry -> System.out.println((there.contains(entry) ? "SAME " : "LOST ") + entry));
            there.stream()
                .filter(entry -> !here.contains(entry))
                .forEach(entry -> System.out.println("ADDED " + entry));
            yield List.of(there.size());
          }
          case "resume" -> QueuePool.resume(Path.of(args[3]));
          default -> throw new IllegalArgumentException(args[1]);
        };
    System.out.println("RESULT " + results.stream().mapToInt(i -> i).sum());
    for (Path left : workFolders(folder)) {
      System.out.println("LEFT " + left);
    }
  }

  /** The bytes of each variable, in hexadecimal digits where they are not printable. */
  private static List<String> environment() throws IOException {
    String all =
        new String(Files.readAllBytes(Path.of("/proc/self/environ")), StandardCharsets.ISO_8859_1);
    return Stream.of(all.split("\0"))
        .map(
            entry ->
                entry
                    .chars()
                    .mapToObj(
                        c -> c >= ' ' && c <= '~' ? Character.toString(c) : "<%02x>".formatted(c))
                    .collect(Collectors.joining()))
        .toList();
  }

  static List<Integer> range(int size) {
    return IntStream.range(0, size).boxed().toList();
  }

  private static List<Path> workFolders(Path folder) throws IOException {
    try (Stream<Path> found = Files.list(folder)) {
      return found.filter(path -> path.getFileName().toString().startsWith("test-")).toList();
    }
  }

  private static Scheduler scheduler(String name, Path folder) {
    return switch (name) {
      case "sge" -> GridEngineScheduler.builder().timeout(Duration.ofSeconds(5)).build();
      case "slurm" -> SlurmScheduler.builder().timeout(Duration.ofSeconds(5)).build();
      case "slurm-array" ->
          SlurmScheduler.builder().jobArrays(true).timeout(Duration.ofSeconds(5)).build();
      case "local" -> new LocalScheduler(2);
      case "stand-in" -> StandInQueue.install(folder.resolve("stand-in"), 2).gridEngine().build();
      default -> throw new IllegalArgumentException(name);
    };
  }

  static QueuePool.Builder pool(Scheduler scheduler, Path folder) {
    return QueuePool.builder(scheduler)
        .jobName("test")
        .workFolder(folder)
        .pollInterval(Duration.ofMillis(300))
        .fileDelay(Duration.ofSeconds(1))
        .javaOptions("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx32m")
        .progress(Progress.lines(System.out));
  }

  /** Whether this task is the first to pass here. */
  private static boolean first(String folder, String what) throws IOException {
    try {
      Files.createFile(Path.of(folder, what));
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    }
  }

  private static void await(Path file) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(LONGEST_WAIT_SECONDS);
    while (!Files.exists(file)) {
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException(file + " has not come");
      }
      Thread.sleep(50);
    }
  }

  private static int killedOnce(String folder, int i) throws Exception {
    if (i == 2 && first(folder, "killed")) {
      String own = Long.toString(ProcessHandle.current().pid());
      new ProcessBuilder("kill", "-9", own).start().waitFor();
      Thread.sleep(TimeUnit.SECONDS.toMillis(LONGEST_WAIT_SECONDS));
    }
    return i * i;
  }

  private static int stuckOnce(String folder, int i) throws Exception {
    if (i == 2 && first(folder, "stuck")) {
      Thread.sleep(TimeUnit.SECONDS.toMillis(LONGEST_WAIT_SECONDS));
    }
    return i * i;
  }

  private static int slow(String folder, int i) throws Exception {
    first(folder, "started-" + i);
    if (i < 8) {
      Thread.sleep(1000);
    } else {
      await(Path.of(folder, "go"));
    }
    return i * i;
  }

  private static int waiting(String folder, int i) throws Exception {
    Files.writeString(
        Path.of(folder, "started-" + i), "x", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    if (i > 0) {
      await(Path.of(folder, "go"));
    }
    return i * i;
  }

  private static void deleteBehindItsBack(String scheduler, Watched watched, Path folder) {
    try {
      await(folder.resolve("stuck"));
      String id =
          watched.jobs(watched.session).stream()
              .filter(job -> job.chunk() == 2)
              .findFirst()
              .orElseThrow()
              .id();
      String program = scheduler.equals("sge") ? "qdel" : "scancel";
      Command.run(List.of(program, id), Duration.ofSeconds(10));
      System.out.println("DELETED " + id);
    } catch (Exception e) {
      System.out.println("The job could not be deleted: " + e);
    }
  }

  /** A scheduler whose session is known. */
  static class Watched implements Scheduler {

    private static final long serialVersionUID = 1;

    private final Scheduler scheduler;
    volatile String session;

    Watched(Scheduler scheduler) {
      this.scheduler = scheduler;
    }

    @Override
    public void submit(Submission submission) throws IOException, InterruptedException {
      session = submission.session();
      scheduler.submit(submission);
    }

    @Override
    public List<Job> jobs(String wanted) throws IOException, InterruptedException {
      return scheduler.jobs(wanted);
    }

    @Override
    public void delete(Collection<Job> jobs) throws IOException, InterruptedException {
      scheduler.delete(jobs);
    }

    @Override
    public int chunksPerSubmission() {
      return scheduler.chunksPerSubmission();
    }
  }

  /** Nobody can write the jobs' output, until one of them is in the error state for that. */
  static final class Unwritable extends Watched implements Serializable {

    private static final long serialVersionUID = 1;

    private transient Path output;

    Unwritable(Scheduler scheduler) {
      super(scheduler);
    }

    @Override
    public void submit(Submission submission) throws IOException, InterruptedException {
      if (output == null) {
        output = submission.output();
        Files.setPosixFilePermissions(output, PosixFilePermissions.fromString("r-x------"));
      } else if (submission.chunks().contains(0)) {
        makeWritable(); // Slurm knows no such state: the job fails at once, and is submitted again
      }
      super.submit(submission);
    }

    private void makeWritable() throws IOException {
      Files.setPosixFilePermissions(output, PosixFilePermissions.fromString("rwx------"));
    }

    @Override
    public List<Job> jobs(String session) throws IOException, InterruptedException {
      List<Job> jobs = super.jobs(session);
      for (Job job : jobs) {
        if (job.state() == Job.State.ERROR) {
          System.out.println("HELD " + job.detail());
          makeWritable();
        }
      }
      return jobs;
    }
  }
}
