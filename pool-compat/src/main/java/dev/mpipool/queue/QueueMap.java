package dev.mpipool.queue;

import dev.mpipool.SerializableFunction;
import dev.mpipool.files.Claim;
import dev.mpipool.files.Claims;
import dev.mpipool.files.WholeFile;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.Serializer;
import dev.mpipool.serial.TaskName;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ThreadLocalRandom;

/** One call of {@link QueuePool#map}: makes the folder, has it worked on, and clears up. */
final class QueueMap {

  private static final DateTimeFormatter SESSION = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss");

  private final PoolSettings settings;
  private final Progress progress;
  private final ClassLoader loader;
  private final Serializer serializer;

  QueueMap(PoolSettings wanted, Progress progress) {
    settings = wanted.copy();
    this.progress = progress;
    ClassLoader context = Thread.currentThread().getContextClassLoader();
    loader = context == null ? QueueMap.class.getClassLoader() : context;
    serializer = new LeanSerializer(new JavaSerializer(loader));
    fillIn();
  }

  private void fillIn() {
    Scheduler scheduler = settings.scheduler;
    if (settings.pollInterval == null) {
      settings.pollInterval = scheduler.pollInterval();
    }
    if (settings.fileDelay == null) {
      settings.fileDelay = scheduler.fileDelay();
    }
    if (settings.java == null) {
      settings.java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }
    if (settings.classPath == null) {
      settings.classPath = new ArrayList<>(ClassPath.of(loader));
    }
    if (settings.directory == null) {
      settings.directory = Path.of("").toAbsolutePath().toString();
    }
    if (settings.workFolder == null) {
      settings.workFolder = settings.directory;
    }
  }

  /** Runs a map from the beginning. */
  List<Object> start(SerializableFunction<?, ?> function, List<Object> tasks) {
    String name = TaskName.of(function);
    ByteBuffer code = encode(function, "The function " + name);
    String session =
        "%s-%s-%04x"
            .formatted(
                settings.jobName,
                LocalDateTime.now(ZoneId.systemDefault()).format(SESSION),
                ThreadLocalRandom.current().nextInt(1 << 16));
    int chunks = settings.chunks == 0 ? tasks.size() : Math.min(settings.chunks, tasks.size());
    MapPlan plan = new MapPlan(session, name, tasks.size(), chunks, settings);
    List<ChunkFile.Content> contents = new ArrayList<>();
    for (int chunk = 0; chunk < chunks; chunk++) {
      contents.add(content(plan, chunk, tasks));
    }
    WorkFolder folder = new WorkFolder(Path.of(settings.workFolder, session));
    try {
      folder.create();
    } catch (IOException e) {
      throw failure(folder, e);
    }
    return inside(plan, folder, () -> prepare(plan, folder, code, contents));
  }

  private ChunkFile.Content content(MapPlan plan, int chunk, List<Object> tasks) {
    int[] indices = plan.tasksOf(chunk).toArray();
    List<ChunkFile.Part> parts = new ArrayList<>();
    for (int index : indices) {
      ByteBuffer body = encode(tasks.get(index), "Element " + index);
      parts.add(new ChunkFile.Part(ChunkFile.TASK, body));
    }
    return new ChunkFile.Content(indices[0], parts);
  }

  private ByteBuffer encode(Object value, String what) {
    try {
      return serializer.encode(value);
    } catch (Exception e) {
      throw new IllegalArgumentException(
          "%s cannot travel to a job: %s".formatted(what, e.getMessage()), e);
    }
  }

  private void prepare(
      MapPlan plan, WorkFolder folder, ByteBuffer code, List<ChunkFile.Content> contents)
      throws IOException {
    WholeFile.writeChecked(folder.function(), bytes(code));
    for (int chunk = 0; chunk < contents.size(); chunk++) {
      ChunkFile.write(folder.tasks(chunk), contents.get(chunk));
    }
    Environment environment =
        settings.environment == null
            ? Environment.ofThisProcess()
            : Environment.of(settings.environment);
    write(folder.command(), WorkerScript.command(folder.path(), settings, environment));
    write(folder.script(), WorkerScript.script(plan.session(), folder));
    WholeFile.writeChecked(folder.map(), bytes(encode(plan, "The pool's scheduler")));
  }

  private static void write(Path file, String bytes) throws IOException {
    Files.writeString(file, bytes, StandardCharsets.ISO_8859_1);
    if (Files.getFileStore(file).supportsFileAttributeView("posix")) {
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
    }
  }

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }

  /**
   * Goes on with a map.
   *
   * @param with whose options hold; null for those that the map has had
   */
  static List<Object> resume(Path path, QueueMap with) {
    WorkFolder folder = new WorkFolder(path);
    ClassLoader context = Thread.currentThread().getContextClassLoader();
    ClassLoader loader = context == null ? QueueMap.class.getClassLoader() : context;
    MapPlan plan;
    try {
      folder.requirePrivate();
      byte[] encoded = WholeFile.readChecked(folder.map());
      plan =
          (MapPlan) new LeanSerializer(new JavaSerializer(loader)).decode(ByteBuffer.wrap(encoded));
    } catch (NoSuchFileException e) {
      String what =
          Files.isDirectory(folder.output())
              ? "%s is of a map whose process ended before it submitted anything: there is nothing to go on with"
              : "%s is no folder of a map: it has no file 'map'";
      throw new IllegalArgumentException(what.formatted(folder.path()), e);
    } catch (Exception e) {
      throw new IllegalArgumentException(
          "What the map in %s is cannot be read: %s".formatted(folder.path(), e.getMessage()), e);
    }
    QueueMap map = with == null ? new QueueMap(plan.settings(), Progress.standard()) : with;
    return folder.isReadOnly() ? map.read(plan, folder) : map.inside(plan, folder, () -> {});
  }

  /** Takes the results of a map that has nothing left to do, without a claim or a log. */
  private List<Object> read(MapPlan plan, WorkFolder folder) {
    Results results = new Results(plan, folder, serializer);
    int chunks = plan.chunks();
    for (int chunk = 0; chunk < chunks; chunk++) {
      try {
        results.add(chunk);
      } catch (IOException e) {
        String what =
            e instanceof NoSuchFileException
                ? "chunk %d has no result".formatted(chunk)
                : e.getMessage();
        throw new QueueException(
            "The map in %s is not complete, and this process may not write there to go on with it: %s"
                .formatted(folder.path(), what),
            e);
      }
    }
    progress.changed(new JobCounts(0, 0, 0, 0, chunks, chunks));
    progress.ended();
    return valuesOf(results, plan, folder);
  }

  /** What is to be done in a folder. */
  @FunctionalInterface
  private interface Preparation {
    void run() throws IOException;
  }

  /** Claims the folder, works on it, and clears up. */
  private List<Object> inside(MapPlan plan, WorkFolder folder, Preparation preparation) {
    Results results = new Results(plan, folder, serializer);
    boolean keep;
    try (Claims claims = new Claims(plan.session())) {
      Claim claim =
          claims
              .claim(folder.path())
              .orElseThrow(
                  () ->
                      new IllegalStateException(
                          "Another process works in " + owner(claims, folder)));
      try (claim;
          EventLog log = new EventLog(folder.log())) {
        log.log(
            "start",
            "session",
            plan.session(),
            "function",
            plan.function(),
            "tasks",
            plan.tasks(),
            "chunks",
            plan.chunks(),
            "scheduler",
            settings.scheduler);
        preparation.run();
        work(new MapRun(plan, settings, folder, results, progress, log), folder);
        keep = keep(folder, results);
        log.log("end", "failures", results.failures().size(), "kept", String.valueOf(keep));
      }
      if (!keep) {
        folder.remove();
      }
    } catch (IOException e) {
      throw failure(folder, e);
    } finally {
      progress.ended();
    }
    return valuesOf(results, plan, folder);
  }

  private List<Object> valuesOf(Results results, MapPlan plan, WorkFolder folder) {
    if (!results.isComplete() && settings.onFailure == OnFailure.THROW) {
      throw new MapFailedException(plan.tasks(), results.failures(), folder.path());
    }
    return results.values();
  }

  private static String owner(Claims claims, WorkFolder folder) {
    try {
      return "%s: %s"
          .formatted(folder.path(), claims.owner(folder.path()).orElse("it has just begun"));
    } catch (IOException e) {
      return folder.path().toString();
    }
  }

  /** Sees the map through; however this ends, no job stays in the queue. */
  private void work(MapRun run, WorkFolder folder) throws IOException {
    Thread hook = new Thread(() -> run.stop("the program is being ended"), "mpipool-queue-end");
    Runtime.getRuntime().addShutdownHook(hook);
    boolean whole = false;
    try {
      run.run();
      whole = true;
    } catch (InterruptedException e) {
      Thread.interrupted(); // deleting jobs takes commands that wait
      run.stop("interrupted");
      whole = true;
      Thread.currentThread().interrupt();
      CancellationException cancelled =
          new CancellationException(
              "The map was interrupted; QueuePool.resume(%s) goes on with it"
                  .formatted(folder.path()));
      cancelled.initCause(e);
      throw cancelled;
    } finally {
      if (!whole) {
        run.stop("an exception");
      }
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException e) {
        // it runs already
      }
    }
  }

  private boolean keep(WorkFolder folder, Results results) throws IOException {
    String why = null;
    if (!results.isComplete()) {
      why = "tasks have no result";
    } else if (folder.hasComplaints()) {
      why = "jobs wrote to stderr";
    } else if (settings.keepWorkFolder) {
      why = "this was asked for";
    }
    if (why != null) {
      progress.message("%s stays: %s".formatted(folder.path(), why));
    }
    return why != null;
  }

  private static QueueException failure(WorkFolder folder, IOException e) {
    return new QueueException(
        "The map's folder %s cannot be worked in: %s".formatted(folder.path(), e), e);
  }

  /** Finds what a JVM needs that is to run what runs here. */
  static final class ClassPath {

    private ClassPath() {}

    static List<String> of(ClassLoader loader) {
      List<String> entries = new ArrayList<>();
      if (loader instanceof URLClassLoader urls) { // a rank that is a thread has its own
        for (URL url : urls.getURLs()) {
          if (url.getProtocol().equals("file")) {
            entries.add(Path.of(URI.create(url.toString())).toString());
          }
        }
      }
      for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
        entries.add(Path.of(entry).toAbsolutePath().toString());
      }
      return entries;
    }
  }
}
